#include "tests/support/fake_dfs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/clock.h"
#include "common/crc32c.h"
#include "common/rpc/bulk.h"
#include "common/rpc/grpc_status.h"
#include "common/rpc/server.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "quern/dfs/v1/namespace.grpc.pb.h"
#include "tests/support/fake_append.h"
#include "tests/support/fake_dfs_state.h"
#include "tests/support/fake_read.h"

namespace quern::testing {

namespace {

constexpr int kChunksOfAPage = 7;  // few, so that files have several pages

using Chunk = FakeChunk;
using File = FakeFile;
using State = FakeDfs::State;

class Master final : public pb::Namespace::Service {
 public:
  explicit Master(State* state) : state_(state) {}

  grpc::Status Create(grpc::ServerContext*, const pb::CreateRequest* request,
                      pb::CreateResponse* response) override {
    return Once(*request, response, [&] { return MakeFile(*request, response); });
  }

  grpc::Status AllocateChunk(grpc::ServerContext*, const pb::AllocateChunkRequest* request,
                             pb::AllocateChunkResponse* response) override {
    return Once(*request, response, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
      File& file = state_->files[request->inode_id()];
      if (request->ordinal() != file.chunks.size()) {
        return FailedPreconditionError("the file has {} chunks, not {}", file.chunks.size(),
                                       request->ordinal());
      }
      return MakeChunk(*request, &file, response);
    });
  }

  grpc::Status CreateMany(grpc::ServerContext*, const pb::CreateManyRequest* request,
                          pb::CreateManyResponse* response) override {
    if (!HasRoomFor(request->files_size())) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "no room for so many files"};
    }
    for (const auto& file : request->files()) {
      pb::CreatedFile made;
      const grpc::Status status =
          Once(file, &made, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
            RETURN_IF_ERROR(MakeFile(file.file(), made.mutable_file()));
            ++state_->files_with_chunk;
            pb::AllocateChunkRequest chunk;
            chunk.set_expected_bytes(file.expected_bytes());
            *chunk.mutable_exclude_servers() = request->exclude_servers();
            return MakeChunk(chunk, &state_->files[made.file().inode_id()], made.mutable_chunk());
          });
      // A lost answer is lost for all of them.
      if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return status;
      auto* answer = response->add_answers();
      answer->set_code(static_cast<int32_t>(status.error_code()));
      answer->set_message(status.error_message());
      *answer->mutable_made() = std::move(made);
    }
    return grpc::Status::OK;
  }

  grpc::Status ChangeMany(grpc::ServerContext*, const pb::ChangeManyRequest* request,
                          pb::ChangeManyResponse* response) override {
    if (request->changes(0).has_abandon()) {
      CountAbandoned(request->changes_size());
      return grpc::Status::OK;
    }
    const bool apart = SealsApart();
    for (const pb::Change& change : request->changes()) {
      auto* answer = response->add_answers();
      const bool waits = apart && change.has_complete();
      const grpc::Status status = waits ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "apart")
                                        : Make(change, answer->mutable_response());
      // A lost answer is lost for all of them.
      if (!waits && status.error_code() == grpc::StatusCode::UNAVAILABLE) return status;
      answer->set_code(static_cast<int32_t>(status.error_code()));
      answer->set_message(status.error_message());
    }
    return grpc::Status::OK;
  }

  grpc::Status ResolveChunk(grpc::ServerContext*, const pb::ResolveChunkRequest* request,
                            pb::ResolveChunkResponse* response) override {
    AwaitOthers(&State::resolves);
    return Once(*request, response, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
      Chunk& chunk = state_->chunks[request->chunk_id()];
      const bool lost = request->acked_offset() > chunk.bytes.size();
      if (lost && !chunk.forgot) return InternalError("lost acked bytes");
      response->set_lost_tail(lost);
      chunk.sealed = true;
      response->set_sealed_length(chunk.bytes.size());
      response->set_crc(Crc32c(chunk.bytes));
      response->set_last_seq(chunk.ends.empty() ? 0 : chunk.ends.back().first);
      return absl::OkStatus();
    });
  }

  grpc::Status Complete(grpc::ServerContext*, const pb::CompleteRequest* request,
                        pb::CompleteResponse* response) override {
    AwaitOthers(&State::completes);
    return CompleteFile(*request, response);
  }

  grpc::Status GetChunks(grpc::ServerContext*, const pb::GetChunksRequest* request,
                         pb::GetChunksResponse* response) override {
    MutexLock lock(&state_->mutex);
    if (state_->look_up_script && !state_->look_up_script()) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "scripted failure"};
    }
    const File* file = request->path().empty() ? &state_->files[request->inode_id()]
                                               : state_->Find(request->path());
    if (file == nullptr) return rpc::ToGrpc(NotFoundError("{}: no such file", request->path()));
    *response->mutable_status() = StatusOf(*file);
    uint64_t offset = 0;
    // 0 = as many as the server likes.
    const int page = request->max_chunks() == 0
                         ? kChunksOfAPage
                         : std::min(kChunksOfAPage, static_cast<int>(request->max_chunks()));
    for (uint32_t i = 0; i < file->chunks.size(); ++i) {
      const Chunk& chunk = state_->chunks[file->chunks[i]];
      if (i >= request->first_ordinal() && response->chunks_size() == page) {
        response->set_more(true);
        break;
      }
      if (i >= request->first_ordinal()) {
        pb::ChunkLocation* location = response->add_chunks();
        location->set_chunk_id(file->chunks[i]);
        location->set_ordinal(i);
        location->set_file_offset(offset);
        location->set_state(pb::CHUNK_STATE_SEALED);
        location->set_length(chunk.bytes.size());
        location->set_crc(Crc32c(chunk.bytes));
        for (const auto& server : state_->servers) *location->add_replicas() = server;
      }
      offset += chunk.bytes.size();
    }
    return grpc::Status::OK;
  }

  grpc::Status Stat(grpc::ServerContext*, const pb::StatRequest* request,
                    pb::StatResponse* response) override {
    MutexLock lock(&state_->mutex);
    const File* file = state_->Find(request->path());
    if (file == nullptr) return rpc::ToGrpc(NotFoundError("{}: no such file", request->path()));
    *response->mutable_status() = StatusOf(*file);
    return grpc::Status::OK;
  }

  grpc::Status AwaitCopies(grpc::ServerContext*, const pb::AwaitCopiesRequest*,
                           pb::AwaitCopiesResponse*) override {
    MutexLock lock(&state_->mutex);
    ++state_->awaited_copies;
    if (state_->no_copies) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "one copy only"};
    return grpc::Status::OK;
  }

  grpc::Status RenewWriter(grpc::ServerContext*, const pb::RenewWriterRequest* request,
                           pb::RenewWriterResponse*) override {
    MutexLock lock(&state_->mutex);
    if (request->writer_token() != "token") return {grpc::StatusCode::ABORTED, "another writer"};
    ++state_->renewals[state_->files[request->inode_id()].path];
    state_->call_came.SignalAll();
    return grpc::Status::OK;
  }

  grpc::Status Abandon(grpc::ServerContext*, const pb::AbandonRequest*,
                       pb::AbandonResponse*) override {
    CountAbandoned(1);
    return grpc::Status::OK;
  }

  grpc::Status ReportBadReplica(grpc::ServerContext*, const pb::ReportBadReplicaRequest* request,
                                pb::ReportBadReplicaResponse*) override {
    MutexLock lock(&state_->mutex);
    state_->reported_bad.push_back(request->server_id());
    return grpc::Status::OK;
  }

 private:
  grpc::Status Make(const pb::Change& change, std::string* answer) {
    grpc::Status status(grpc::StatusCode::UNIMPLEMENTED, "a change of this kind");
    if (change.has_create()) {
      pb::CreateResponse response;
      status = Create(nullptr, &change.create(), &response);
      *answer = response.SerializeAsString();
    } else if (change.has_complete()) {
      pb::CompleteResponse response;
      status = CompleteFile(change.complete(), &response);
      *answer = response.SerializeAsString();
    }
    return status;
  }
  void AwaitOthers(Gathering State::*kind) {
    MutexLock lock(&state_->mutex);
    Gathering& calls = state_->*kind;
    calls.most = std::max(calls.most, ++calls.now);
    state_->call_came.SignalAll();
    while (calls.most < calls.wanted) {
      if (!state_->call_came.WaitFor(&state_->mutex, absl::Seconds(10))) break;
    }
    --calls.now;
  }

  bool HasRoomFor(int files) {
    MutexLock lock(&state_->mutex);
    return files <= state_->room_for_files;
  }
  bool SealsApart() {
    MutexLock lock(&state_->mutex);
    return state_->seal_apart;
  }
  void CountAbandoned(int files) {
    MutexLock lock(&state_->mutex);
    state_->abandoned += files;
    ++state_->abandoning_calls;
  }

  grpc::Status CompleteFile(const pb::CompleteRequest& request, pb::CompleteResponse* response) {
    return Once(request, response, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
      File& file = state_->files[request.inode_id()];
      if (request.has_seal()) RETURN_IF_ERROR(CheckSeal(file, request.seal()));
      if (File* old = state_->Find(file.path)) old->complete = false;
      file.complete = true;
      *response->mutable_status() = StatusOf(file);
      if (response->status().length() == request.length()) return absl::OkStatus();
      return InternalError("{} bytes, expected {}", response->status().length(), request.length());
    });
  }

  absl::Status CheckSeal(const File& file,
                         const pb::CompleteRequest::Seal& seal) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    ++state_->seals_with_complete;
    const Chunk& chunk = state_->chunks[seal.chunk_id()];
    const bool only = file.chunks.size() == 1 && file.chunks[0] == seal.chunk_id();
    if (only && chunk.sealed && seal.length() == chunk.bytes.size() &&
        seal.crc() == Crc32c(chunk.bytes) && seal.server_id() == chunk.primary) {
      return absl::OkStatus();
    }
    return FailedPreconditionError("chunk {:#x} is not closed like this", seal.chunk_id());
  }
  absl::Status MakeFile(const pb::CreateRequest& request,
                        pb::CreateResponse* response) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (state_->Find(request.path()) != nullptr && !request.overwrite()) {
      return AlreadyExistsError("{}: file exists", request.path());
    }
    const uint64_t inode = state_->files.size() + 1;
    state_->files[inode].path = request.path();
    state_->files[inode].complete = request.empty();
    response->set_inode_id(inode);
    response->set_writer_token("token");
    response->set_chunk_size(request.chunk_size() != 0 ? request.chunk_size()
                                                       : state_->options.chunk_size);
    return absl::OkStatus();
  }
  absl::Status MakeChunk(const pb::AllocateChunkRequest& request, File* file,
                         pb::AllocateChunkResponse* response) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto& excluded = request.exclude_servers();
    state_->excluded_servers.insert(state_->excluded_servers.end(), excluded.begin(),
                                    excluded.end());
    pb::ChunkLocation* location = response->mutable_chunk();
    for (const auto& server : state_->servers) {
      if (std::find(excluded.begin(), excluded.end(), server.server_id()) == excluded.end()) {
        *location->add_replicas() = server;
      }
    }
    if (location->replicas().empty()) return UnavailableError("0 chunkservers alive, need 1");
    const uint64_t id = state_->chunks.size() + 100;
    state_->chunks[id].primary = location->replicas(0).server_id();
    file->chunks.push_back(id);
    location->set_chunk_id(id);
    response->set_capacity(request.expected_bytes());
    state_->expected_bytes.push_back(request.expected_bytes());
    return absl::OkStatus();
  }
  // Does a mutation once per request id, and loses its answer if the script says so.
  template <typename Request, typename Response, typename Body>
  grpc::Status Once(const Request& request, Response* response, Body body) {
    MutexLock lock(&state_->mutex);
    const auto key = std::pair(request.header().client_id(), request.header().request_id());
    const auto known = state_->answers.find(key);
    if (known != state_->answers.end()) {
      response->ParseFromString(known->second);
      return grpc::Status::OK;
    }
    const absl::Status status = body();
    if (!status.ok()) return rpc::ToGrpc(status);
    state_->answers[key] = response->SerializeAsString();
    if (state_->lost_answer_script && state_->lost_answer_script()) {
      return {grpc::StatusCode::UNAVAILABLE, "the answer was lost"};
    }
    return grpc::Status::OK;
  }

  pb::FileStatus StatusOf(const File& file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
    pb::FileStatus status;
    status.set_path(file.path);
    status.set_type(pb::FILE_TYPE_REGULAR);
    for (auto& [inode, other] : state_->files) {
      if (&other == &file) status.set_inode_id(inode);
    }
    uint64_t length = 0;
    for (const uint64_t id : file.chunks) length += state_->chunks[id].bytes.size();
    status.set_length(length);
    return status;
  }

  State* const state_;
};

}  // namespace

struct FakeDfs::Servers {
  std::unique_ptr<Master> service;
  std::unique_ptr<rpc::Server> master;
  std::vector<std::unique_ptr<rpc::Server>> chunkservers;
};

FakeDfs::FakeDfs(Options options)
    : state_(std::make_shared<State>(options)), servers_(std::make_unique<Servers>()) {
  rpc::ServerOptions server_options;
  server_options.watchdog = false;
  State* state = state_.get();
  servers_->service = std::make_unique<Master>(state);
  servers_->master = *rpc::Server::Start(server_options, {servers_->service.get()}, {});
  for (uint32_t id = 1; id <= static_cast<uint32_t>(options.servers); ++id) {
    servers_->chunkservers.push_back(*rpc::Server::Start(
        server_options, {},
        {{"/quern.dfs.v1.ChunkData/Append",
          [state, id](auto* loop, auto* stream) { HandleFakeAppend(state, id, loop, stream); }},
         {"/quern.dfs.v1.ChunkData/AppendWhole",
          [state, id](auto* loop, auto* stream) {
            HandleFakeAppendWhole(state, id, loop, stream);
          }},
         {"/quern.dfs.v1.ChunkData/Read",
          [state, id](auto* loop, auto* stream) { HandleFakeRead(state, id, loop, stream); }}}));
    MutexLock lock(&state_->mutex);
    pb::ServerAddress& address = state_->servers.emplace_back();
    address.set_server_id(id);
    address.set_address(servers_->chunkservers.back()->address());
  }
}

FakeDfs::~FakeDfs() {
  servers_->master->Shutdown(absl::Seconds(1));
  for (const auto& server : servers_->chunkservers) server->Shutdown(absl::Seconds(1));
}

std::string FakeDfs::master_address() const { return servers_->master->address(); }

void FakeDfs::ScriptFrames(std::function<FrameAction(uint32_t)> script) {
  MutexLock lock(&state_->mutex);
  state_->frame_script = std::move(script);
}

void FakeDfs::ScriptLostAnswers(std::function<bool()> script) {
  MutexLock lock(&state_->mutex);
  state_->lost_answer_script = std::move(script);
}

void FakeDfs::ScriptLookUps(std::function<bool()> script) {
  MutexLock lock(&state_->mutex);
  state_->look_up_script = std::move(script);
}

void FakeDfs::SetReadFault(uint32_t server_id, ReadFault fault) {
  MutexLock lock(&state_->mutex);
  state_->read_faults[server_id] = fault;
}

std::string FakeDfs::FileBytes(const std::string& path) {
  MutexLock lock(&state_->mutex);
  const File* file = state_->Find(path);
  if (file == nullptr) return "no such file";
  std::string bytes;
  for (const uint64_t id : file->chunks) {
    if (!state_->chunks[id].sealed) return "a chunk is open";
    bytes += state_->chunks[id].bytes;
  }
  return bytes;
}

int FakeDfs::AwaitRenewals(const std::string& path, int times) {
  const absl::Time until = Clock::Real()->MonotonicNow() + absl::Seconds(10);
  MutexLock lock(&state_->mutex);
  while (state_->renewals[path] < times && Clock::Real()->MonotonicNow() < until) {
    state_->call_came.WaitFor(&state_->mutex, absl::Seconds(1));
  }
  return state_->renewals[path];
}

void FakeDfs::SetRoomForFiles(int together) {
  MutexLock lock(&state_->mutex);
  state_->room_for_files = together;
}

void FakeDfs::SealApart() {
  MutexLock lock(&state_->mutex);
  state_->seal_apart = true;
}

void FakeDfs::GatherResolves(int together) {
  MutexLock lock(&state_->mutex);
  state_->resolves.wanted = together;
}

void FakeDfs::GatherCompletes(int together) {
  MutexLock lock(&state_->mutex);
  state_->completes.wanted = together;
}

int FakeDfs::most_resolves() {
  MutexLock lock(&state_->mutex);
  return state_->resolves.most;
}

int FakeDfs::most_completes() {
  MutexLock lock(&state_->mutex);
  return state_->completes.most;
}

int FakeDfs::abandoned() {
  MutexLock lock(&state_->mutex);
  return state_->abandoned;
}

int FakeDfs::abandoning_calls() {
  MutexLock lock(&state_->mutex);
  return state_->abandoning_calls;
}

void FakeDfs::SetNoCopies(bool no_copies) {
  MutexLock lock(&state_->mutex);
  state_->no_copies = no_copies;
}

int FakeDfs::awaited_copies() {
  MutexLock lock(&state_->mutex);
  return state_->awaited_copies;
}

int FakeDfs::file_count() {
  MutexLock lock(&state_->mutex);
  return static_cast<int>(std::count_if(state_->files.begin(), state_->files.end(),
                                        [](const auto& entry) { return entry.second.complete; }));
}

int FakeDfs::chunk_count(const std::string& path) {
  MutexLock lock(&state_->mutex);
  const File* file = state_->Find(path);
  return file == nullptr ? 0 : static_cast<int>(file->chunks.size());
}

int FakeDfs::seals_with_complete() {
  MutexLock lock(&state_->mutex);
  return state_->seals_with_complete;
}

int FakeDfs::whole_messages() {
  MutexLock lock(&state_->mutex);
  return state_->whole_messages;
}

int FakeDfs::files_with_chunk() {
  MutexLock lock(&state_->mutex);
  return state_->files_with_chunk;
}

std::vector<uint64_t> FakeDfs::expected_bytes() {
  MutexLock lock(&state_->mutex);
  return state_->expected_bytes;
}

std::vector<uint32_t> FakeDfs::excluded_servers() {
  MutexLock lock(&state_->mutex);
  return state_->excluded_servers;
}

std::vector<uint32_t> FakeDfs::reported_bad() {
  MutexLock lock(&state_->mutex);
  return state_->reported_bad;
}

}  // namespace quern::testing
