// durable_puts DIR CALLERS COUNT: synced puts of 130 bytes into an empty RocksDB in DIR, the
// yardstick of durable creates. Prints puts a second.
#include <fmt/format.h>
#include <rocksdb/db.h>

#include <cstdlib>
#include <memory>

#include "tests/bench/run_callers.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: durable_puts DIR CALLERS COUNT\n");
    return 2;
  }
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  if (const auto status = rocksdb::DB::Open(options, argv[1], &opened); !status.ok()) {
    fmt::print(stderr, "durable_puts: {}\n", status.ToString());
    return 1;
  }
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::string value(100, 'v');
  const double rate = quern::bench::RunCallers(std::atoi(argv[2]), std::atoi(argv[3]), [&](int n) {
    if (!db->Put(synced, fmt::format("key-{:026}", n), value).ok()) std::exit(1);
  });
  fmt::print("{:.0f}\n", rate);
  return 0;
}
