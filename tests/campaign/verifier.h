// What must hold of a file system at rest, whatever was done to it before: the names, the chunks,
// and the bytes on the disks agree, nothing is missing and nothing is left over.
//
// Plain values, no I/O: what was seen goes in, violations come out.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace quern::campaign {

// A chunk as the master lists it.
struct ChunkSeen {
  std::string file;
  uint64_t length = 0;
  uint32_t crc = 0;
  bool sealed = true;
  bool lost_tail = false;
  uint32_t wanted = 0;               // replicas
  std::vector<std::string> servers;  // that the master says hold one
};

// A replica as a disk of a stopped server has it.
struct ReplicaSeen {
  std::string state = {};  // "FINALIZED"; empty: no row
  uint64_t row_length = 0;
  uint32_t row_crc = 0;
  bool has_file = false;
  uint64_t file_length = 0;
  uint32_t file_crc = 0;
};

struct ClusterSeen {
  std::map<uint64_t, ChunkSeen> chunks;  // by chunk id
  // Of files without a name whose writers the master has not given up yet: a client that could not
  // reach the master at the end. They may be anywhere.
  std::set<uint64_t> nameless_chunks;
  // Server name -> chunk id -> replica. Every server of the cluster, also one without replicas.
  std::map<std::string, std::map<uint64_t, ReplicaSeen>> disks;
  int fsck_exit = 0;
  std::string fsck_verdict;  // its last line
};

// One line for each violation.
std::vector<std::string> Verify(const ClusterSeen& seen);

}  // namespace quern::campaign
