// What a worker knows of where the map outputs of its jobs lie.
//
// One table per job, however many of its reducers run here: the worker asks for what comes after
// the version that it has, and every answer is a piece of the coordinator's log of outputs. No
// locks.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class OutputTables {
 public:
  using Want = pb::WorkerMessage::WantOutputs;
  using Outputs = std::vector<pb::MapOutputs>;  // in messages of bounded size

  // A new session knows of no requests.
  void StartSession();
  // The request to send because a reducer of the job runs here; none while one is under way.
  std::optional<Want> Ask(const std::string& job_id);

  // The answer to a request. What was not known before; none, and the request is to be made again,
  // when it does not continue what is here.
  Outputs Apply(const pb::WorkerOrder::OutputDelta& delta, uint64_t term);
  // Everything that is known, for a reducer that starts.
  Outputs Known(const std::string& job_id) const;

  void ForgetJob(const std::string& job_id) { tables_.erase(job_id); }

 private:
  struct Holder {
    std::string address;
    std::string node;
    std::string directory;
  };
  struct Place {
    uint32_t attempt = 0;
    uint32_t holder = 0;
  };
  struct Table {
    bool asked = false;
    uint64_t term = 0;
    uint64_t version = 0;
    std::map<uint32_t, Holder> holders;
    std::map<uint32_t, Place> places;  // by map task
  };
  static void Append(const Table& table, uint32_t map_task, const Place& place,
                     const std::string& job_id, Outputs* outputs);

  std::map<std::string, Table> tables_;
};

}  // namespace quern::mr
