#include "chunkserver/service/server_metrics.h"

#include <set>
#include <string>
#include <vector>

#include "chunkserver/service/stream_memory.h"
#include "chunkserver/store/chunk_store.h"

namespace quern::chunkserver {
namespace {

std::string Name(std::string_view what) { return fmt::format("quern_dfs_chunkserver_{}", what); }

void AddDiskGauges(Metrics* metrics, ChunkStore* store) {
  struct DiskGauges {
    Gauge* capacity;
    Gauge* free;
    Gauge* used;
    Gauge* failed;
    Gauge* hangs;
  };
  std::vector<DiskGauges> gauges;
  std::set<std::string> paths;
  for (const DiskStatus& disk : store->Disks()) {
    // One that is missed is not the one that stands at its place now.
    const bool taken = !paths.insert(disk.path).second;
    const MetricLabels labels = {{"disk", taken ? disk.uuid : disk.path}};
    gauges.push_back(
        {&metrics->AddGauge(Name("disk_capacity_bytes"), "Size of the disk", labels),
         &metrics->AddGauge(Name("disk_free_bytes"), "Free space besides the reserve", labels),
         &metrics->AddGauge(Name("disk_used_bytes"), "Held or reserved by replicas", labels),
         &metrics->AddGauge(Name("disk_failed"), "1 when the disk was given up", labels),
         &metrics->AddGauge(Name("disk_hangs"), "1 while the disk does not answer", labels)});
  }
  metrics->AddRefresh([store, gauges] {
    const std::vector<DiskStatus> disks = store->Disks();
    for (size_t i = 0; i < disks.size(); ++i) {
      gauges[i].capacity->Set(static_cast<double>(disks[i].capacity_bytes));
      gauges[i].free->Set(static_cast<double>(disks[i].free_bytes));
      gauges[i].used->Set(static_cast<double>(disks[i].used_bytes));
      gauges[i].failed->Set(disks[i].health.ok() || disks[i].elsewhere ? 0 : 1);
      gauges[i].hangs->Set(disks[i].answers.ok() ? 0 : 1);
    }
  });
}

void AddReplicaGauges(Metrics* metrics, ChunkStore* store) {
  for (int i = static_cast<int>(ReplicaState::kOpen);
       i <= static_cast<int>(ReplicaState::kQuarantined); ++i) {
    const auto state = static_cast<ReplicaState>(i);
    Gauge* gauge = &metrics->AddGauge(Name("replicas"), "Replicas by state",
                                      {{"state", std::string(StateName(state))}});
    metrics->AddRefresh([store, gauge, state] {
      gauge->Set(static_cast<double>(store->inventory().Count(state)));
    });
  }
}

}  // namespace

ServerMetrics::ServerMetrics(Metrics* metrics, ChunkStore* store, StreamMemory* memory)
    : append_bytes(metrics->AddCounter(Name("append_bytes_total"), "Payload appended here")),
      appends(metrics->AddCounter(Name("appends_total"), "Append messages written here")),
      read_bytes(metrics->AddCounter(Name("read_bytes_total"), "Payload sent to readers")),
      reads(metrics->AddCounter(Name("reads_total"), "Read streams served")),
      local_reads(metrics->AddCounter(Name("local_reads_total"),
                                      "Replicas handed to readers on this machine")),
      chain_failures(
          metrics->AddCounter(Name("chain_failures_total"), "Append streams that a replica broke")),
      corrupt_reads(metrics->AddCounter(Name("corrupt_reads_total"),
                                        "Reads that found bytes not matching their checksums")),
      orders(metrics->AddCounter(Name("orders_total"), "Orders of the master carried out")),
      order_failures(metrics->AddCounter(Name("order_failures_total"), "Orders that failed")),
      copied_bytes(
          metrics->AddCounter(Name("copied_bytes_total"), "Payload fetched from other servers")),
      scrubbed_bytes(metrics->AddCounter(Name("scrubbed_bytes_total"),
                                         "Read against their checksums unasked")),
      scrub_condemned(metrics->AddCounter(Name("scrub_condemned_total"),
                                          "Replicas that were found damaged so")),
      append_streams(metrics->AddGauge(Name("append_streams"), "Append streams open now")),
      read_streams(metrics->AddGauge(Name("read_streams"), "Read streams open now")),
      seal_seconds(metrics->AddHistogram(Name("seal_seconds"),
                                         "From a client's Seal to its answer, at the primary",
                                         LatencyBounds())) {
  AddDiskGauges(metrics, store);
  AddReplicaGauges(metrics, store);
  Gauge* held = &metrics->AddGauge(Name("stream_memory_bytes"),
                                   "Held by, or promised to, the streams that are open");
  metrics->AddRefresh([memory, held] { held->Set(static_cast<double>(memory->used())); });
}

}  // namespace quern::chunkserver
