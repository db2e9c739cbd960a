// sort_keys [RECORDS]: how long a map task sorts records whose keys are random, and whose keys all
// begin alike, or begin with one of 1,000 starts. Prints seconds of processor time and the ratio to
// random keys.
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "mapreduce/engine/partitioners.h"
#include "mapreduce/engine/sort_buffer.h"

namespace quern::mr {
namespace {

constexpr uint32_t kPartitions = 8;
constexpr size_t kRandomBytes = 12;

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// One of `starts` strings of 24 bytes that differ in their last four, then random bytes.
class Keys {
 public:
  explicit Keys(uint32_t starts) {
    for (uint32_t i = 0; i < starts; ++i) {
      starts_.push_back(fmt::format("https://www.example/{:04}", i));
    }
  }
  std::string Next() {
    std::string key = starts_.empty() ? "" : starts_[random_() % starts_.size()];
    for (size_t i = 0; i < kRandomBytes; i += 4) {
      const auto bits = static_cast<uint32_t>(random_());
      char bytes[4];
      std::memcpy(bytes, &bits, 4);
      key.append(bytes, 4);
    }
    return key;
  }

 private:
  std::mt19937_64 random_{20041206};
  std::vector<std::string> starts_;
};

struct Spent {
  double filling = 0;
  double sorting = 0;
};

void Fill(size_t records, Keys* keys, SortBuffer* buffer, Spent* spent) {
  std::vector<std::string> some;
  for (size_t done = 0; done < records; done += some.size()) {
    some.clear();
    size_t bytes = 0;
    for (size_t i = 0; i < 10'000; ++i) {
      some.push_back(keys->Next());
      bytes += EmitBuffer::kRecordHeaderBytes + some.back().size();
    }
    const double began = CpuSeconds();
    char* to = buffer->Window(bytes).data();
    for (const std::string& key : some) {
      const uint32_t sizes[2] = {static_cast<uint32_t>(key.size()), 0};
      std::memcpy(to, sizes, sizeof(sizes));
      std::memcpy(to + sizeof(sizes), key.data(), key.size());
      to += sizeof(sizes) + key.size();
    }
    if (!buffer->Commit(to, HashPartitioner(), kPartitions).ok()) std::abort();
    spent->filling += CpuSeconds() - began;
  }
}

Spent SortRecords(size_t records, Keys keys) {
  SortBuffer buffer(records * 100);
  Spent best;
  // The first round touches fresh memory, which a task does once.
  for (int round = 0; round < 4; ++round) {
    buffer.Clear();
    Spent spent;
    Fill(records, &keys, &buffer, &spent);
    const double began = CpuSeconds();
    buffer.Sort();
    spent.sorting = CpuSeconds() - began;
    if (round == 1 || (round > 1 && spent.sorting < best.sorting)) best = spent;
  }
  return best;
}

}  // namespace
}  // namespace quern::mr

int main(int argc, char** argv) {
  using namespace quern::mr;
  const size_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  const Spent random = SortRecords(records, Keys(0));
  for (const uint32_t starts : {0u, 1u, 1000u}) {
    const Spent spent = SortRecords(records, Keys(starts));
    fmt::print("{} records, {:4} starts: filled in {:.3f} s, sorted in {:.3f} s, {:.2f} x random\n",
               records, starts, spent.filling, spent.sorting, spent.sorting / random.sorting);
  }
  return 0;
}
