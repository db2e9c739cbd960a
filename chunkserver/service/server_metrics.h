// The numbers of a chunkserver, quern_dfs_chunkserver_*.
#pragma once

#include "common/metrics.h"

namespace quern::chunkserver {

class ChunkStore;
class StreamMemory;

// References stay good as long as `metrics`.
struct ServerMetrics {
  // `store` is asked for disks and replicas whenever somebody reads the metrics.
  ServerMetrics(Metrics* metrics, ChunkStore* store, StreamMemory* memory);

  Counter& append_bytes;
  Counter& appends;
  Counter& read_bytes;
  Counter& reads;
  Counter& local_reads;
  Counter& chain_failures;
  Counter& corrupt_reads;
  Counter& orders;
  Counter& order_failures;
  Counter& copied_bytes;
  Counter& scrubbed_bytes;
  Counter& scrub_condemned;
  Gauge& append_streams;
  Gauge& read_streams;
  Histogram& seal_seconds;
};

}  // namespace quern::chunkserver
