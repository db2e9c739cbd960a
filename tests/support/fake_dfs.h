// A master and chunkservers in one process and in memory, as the client sees them: the protocol is
// real, storage, chains and durability are not. Failures are scripted frame by frame, which real
// processes cannot be asked to do.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"

namespace quern::testing {

// What a chunkserver does with one data frame, or one message of whole chunks.
enum class FrameAction {
  kAck,           // takes it and answers
  kTake,          // takes it and does not answer (the next ack covers it)
  kTakeAndBreak,  // takes it and breaks the stream
  kBreak,         // breaks the stream
  kForget,        // breaks the stream and has lost all of the chunk: a power cut of all its servers
  kBlameOther,    // says that the server behind it has failed
  kIgnore,        // neither takes this nor any later frame, and is silent
};

// Thread-safe.
class FakeDfs {
 public:
  struct Options {
    int servers = 3;
    uint64_t chunk_size = 64 << 10;
  };
  explicit FakeDfs(Options options);
  ~FakeDfs();

  // HOST:PORT of the master.
  std::string master_address() const;

  // Asked for every data frame and message of whole chunks; all are acknowledged by default.
  void ScriptFrames(std::function<FrameAction(uint32_t server_id)> script);
  // Asked for every call of the master: true = do it, but lose the answer.
  void ScriptLostAnswers(std::function<bool()> script);
  // Asked when the master is to say where chunks are, before it does: false = it fails.
  void ScriptLookUps(std::function<bool()> script);
  // Reads from this server give a wrong byte, nothing at all, end early, or begin late; or the
  // first or last byte of a chunk is wrong although its message has the right checksum; or it has
  // no such replica, or one that is empty, or has 10,000 bytes at most; or the reader is taken for
  // one who takes nothing, before he has got anything, or half way, with either of the two ends
  // that such a stream may have.
  enum class ReadFault {
    kNone,
    kWrongByte,
    kSilent,
    kBreakHalfWay,
    kLate,
    kOtherFirstByte,
    kOtherLastByte,
    kNotFound,
    kEmpty,
    kShort,
    kDropAtOnce,
    kDropHalfWay,
    kCancelHalfWay,
  };
  void SetReadFault(uint32_t server_id, ReadFault fault);
  // Called for every read that is to begin late or not at all, and returns when it is late.
  void ScriptLateReads(std::function<void()> script);
  // What was asked of any server, in that order.
  struct Read {
    uint64_t offset = 0;
    uint64_t length = 0;
    uint64_t read_ahead = 0;
    bool operator==(const Read&) const = default;
  };
  std::vector<Read> reads();

  // Chunks that are sealed by force get no second copy.
  void SetNoCopies(bool no_copies);
  // Files are made so many at a time at most: there is no room for more.
  void SetRoomForFiles(int together);
  // Chunks cannot be sealed with other changes: each has to wait for its copies.
  void SealApart();
  // The first call of a kind is not answered before so many are under way, or 10 s have passed.
  void GatherResolves(int together);
  void GatherCompletes(int together);
  // The most that were under way at one time.
  int most_resolves();
  int most_completes();
  // Files that were abandoned, and the calls that said so.
  int abandoned();
  int abandoning_calls();
  // How often the writer of a file has said that it is alive; waits until it is so often, or 10 s.
  int AwaitRenewals(const std::string& path, int times);
  // Calls of AwaitCopies so far.
  int awaited_copies();
  // Bytes of a completed file; all its chunks are checked to be sealed.
  std::string FileBytes(const std::string& path);
  int file_count();
  int chunk_count(const std::string& path);
  // Files that were made together with their first chunk.
  int files_with_chunk();
  // Files whose chunk was sealed by Complete.
  int seals_with_complete();
  // Messages with whole chunks, however many each.
  int whole_messages();
  // What writers expected to put into their chunks, in the order in which they asked; 0: unknown.
  std::vector<uint64_t> expected_bytes();
  // Servers that writers asked not to be given, each time one did.
  std::vector<uint32_t> excluded_servers();
  // Replicas that readers reported as bad.
  std::vector<uint32_t> reported_bad();

  struct State;

 private:
  std::shared_ptr<State> state_;
  struct Servers;
  std::unique_ptr<Servers> servers_;
};

}  // namespace quern::testing
