// Map outputs over a real connection.
#include "mapreduce/worker/shuffle_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/rpc/bulk_codec.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/storage/file_io.h"
#include "mapreduce/engine/map_output_writer.h"
#include "quern/mr/v1/shuffle.pb.h"
#include "tests/mapreduce/worker/worker_fixture.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;

class ShuffleServiceTest : public testing::Test {
 protected:
  ShuffleServiceTest() : service_(parts_.scratch(), parts_.context.logs) {
    rpc::ServerOptions options;
    options.watchdog = false;
    server_ = *rpc::Server::Start(options, {}, service_.Methods());
    EXPECT_EQ(AttemptRunner(MakeTask("done", 0), &parts_.context).Run().state(),
              pb::ATTEMPT_STATE_SUCCEEDED);
  }

  struct Fetched {
    std::map<uint32_t, std::string> bytes;  // by map task
    std::map<uint32_t, std::string> errors;
    absl::Status status;
  };
  Fetched Fetch(const pb::FetchRequest& request) {
    rpc::BulkLoop loop;
    rpc::BulkStream* stream =
        loop.Open(rpc::MakeChannel(server_->address(), rpc::ChannelKind::kBulk),
                  "/quern.mr.v1.Shuffle/Fetch", absl::Seconds(20));
    stream->Send(rpc::EncodeMessage(request));
    stream->CloseSend();
    Fetched fetched;
    while (true) {
      const rpc::BulkEvent event = loop.Next(absl::Seconds(20));
      if (event.kind == rpc::BulkEvent::Kind::kFinished) {
        fetched.status = event.status;
        return fetched;
      }
      if (event.kind != rpc::BulkEvent::Kind::kMessage) continue;
      pb::FetchHeader header;
      rpc::Payload payload;
      EXPECT_TRUE(rpc::DecodeBulk(event.message, &header, &payload).ok());
      if (!header.error().empty()) {
        fetched.errors[header.map_task()] = header.error();
      } else {
        fetched.bytes[header.map_task()] += payload.ToString();
      }
    }
  }
  pb::FetchRequest Request(uint32_t partition) {
    pb::FetchRequest request;
    request.set_job_id("job-20261122-0001");
    request.set_partition(partition);
    return request;
  }
  // What a reducer gets of the first partition of the first map.
  std::string FirstBytes() {
    pb::FetchRequest request = Request(0);
    request.add_outputs()->set_map_task(0);
    return Fetch(request).bytes[0];
  }
  // Open files below a directory of the worker, with names that end so.
  size_t OpenFiles(std::string_view ending) {
    size_t files = 0;
    for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code error;
      const std::string path = std::filesystem::read_symlink(fd.path(), error).string();
      const bool mine = path.starts_with(ParentDir(parts_.scratch()->main_dir()) + "/");
      if (mine && path.ends_with(ending)) ++files;
    }
    return files;
  }
  // The output of another run of a map.
  void HoldOutput(uint32_t map_task, const std::string& value) {
    pb::WorkerMessage::HeldOutput held;
    *held.mutable_id() = MakeTask("", map_task).id();
    ASSERT_OK_AND_ASSIGN(const std::string dir, parts_.scratch()->MakeAttemptDir(held.id()));
    ASSERT_OK_AND_ASSIGN(
        const auto writer,
        MapOutputWriter::Create(dir + "/" + kMapOutputName, {held.id().job_id(), map_task, 0}, 1,
                                Codec::kNone));
    ASSERT_OK(writer->Append(0, "key", value));
    ASSERT_OK(writer->Finish().status());
    ASSERT_OK(parts_.scratch()->Hold(held, dir));
  }
  // What the file itself has in this partition.
  std::string Stored(uint32_t partition) {
    const auto file = MapOutputFile::Open(*parts_.scratch()->FindMapOutput(MakeTask("").id()));
    const MapOutputFile::Partition& range = (*file)->partition(partition);
    std::string bytes(range.bytes, '\0');
    EXPECT_TRUE((*file)->file()->Pread(range.offset, range.bytes, bytes.data()).ok());
    return bytes;
  }

  WorkerParts parts_;
  ShuffleService service_;
  std::unique_ptr<rpc::Server> server_;
};

TEST_F(ShuffleServiceTest, SendsEveryByteOfAPartition) {
  for (const uint32_t partition : {0u, 1u}) {
    pb::FetchRequest request = Request(partition);
    request.add_outputs()->set_map_task(0);
    const Fetched fetched = Fetch(request);
    EXPECT_TRUE(fetched.status.ok()) << fetched.status;
    EXPECT_TRUE(fetched.bytes.at(0) == Stored(partition)) << "partition " << partition;
  }
}

TEST_F(ShuffleServiceTest, GoesOnWhereABrokenStreamStopped) {
  pb::FetchRequest request = Request(1);
  request.add_outputs()->set_offset(2'000'001);
  EXPECT_TRUE(Fetch(request).bytes.at(0) == Stored(1).substr(2'000'001));
}

TEST_F(ShuffleServiceTest, SaysWhichOutputsItDoesNotHaveAndSendsTheOthers) {
  pb::FetchRequest request = Request(0);
  request.add_outputs()->set_map_task(9);
  request.add_outputs()->set_map_task(0);
  pb::FetchRequest::Output* other_attempt = request.add_outputs();
  other_attempt->set_map_task(0);
  other_attempt->set_attempt(5);
  const Fetched fetched = Fetch(request);
  EXPECT_TRUE(fetched.status.ok()) << fetched.status;
  EXPECT_THAT(fetched.errors.at(9), HasSubstr("m-00009.0: this worker does not hold it"));
  EXPECT_THAT(fetched.errors.at(0), HasSubstr("m-00000.5"));
  EXPECT_TRUE(fetched.bytes.at(0) == Stored(0));
}

TEST_F(ShuffleServiceTest, RefusesAPartitionThatIsNotThere) {
  pb::FetchRequest request = Request(7);
  request.add_outputs()->set_map_task(0);
  EXPECT_THAT(Fetch(request).errors.at(0), HasSubstr("no partition 7"));
}

TEST_F(ShuffleServiceTest, AForgottenJobsOutputsAreClosed) {
  EXPECT_EQ(FirstBytes(), Stored(0));
  parts_.scratch()->RemoveJob(MakeTask("").id().job_id());
  EXPECT_EQ(OpenFiles(" (deleted)"), 0u) << "their space is free again";
}

TEST_F(ShuffleServiceTest, OnlySoManyOutputsStayOpen) {
  pb::FetchRequest request = Request(0);
  for (uint32_t map_task = 1; map_task <= 260; ++map_task) {
    HoldOutput(map_task, std::to_string(map_task));
    request.add_outputs()->set_map_task(map_task);
  }
  for (int round = 0; round < 2; ++round) {
    const Fetched fetched = Fetch(request);
    EXPECT_EQ(fetched.bytes.size(), 260u);
    EXPECT_THAT(fetched.bytes.at(1), HasSubstr("1"));
    EXPECT_EQ(OpenFiles("/output.data"), 256u);
  }
}

TEST_F(ShuffleServiceTest, AnOutputIsNeverTheOneThatHadItsNameBefore) {
  EXPECT_EQ(FirstBytes(), Stored(0));
  for (const char* value : {"of another cluster", "of a third one", "of a fourth"}) {
    parts_.scratch()->RemoveJob(MakeTask("").id().job_id());
    HoldOutput(0, value);
    EXPECT_THAT(FirstBytes(), HasSubstr(value));
  }
}

}  // namespace
}  // namespace quern::mr
