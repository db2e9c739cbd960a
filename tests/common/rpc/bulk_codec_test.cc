#include "common/rpc/bulk_codec.h"

#include "common/crc32c.h"
#include "quern/dfs/v1/chunk.pb.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::rpc {
namespace {

using dfs::v1::AppendHeader;
using dfs::v1::AppendRequest;

// A buffer cut into random slices, as the transport delivers them.
grpc::ByteBuffer Scatter(const std::string& bytes, Random* random) {
  std::vector<grpc::Slice> slices;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t n = std::min(bytes.size() - begin, 1 + static_cast<size_t>((*random)() % 50));
    slices.emplace_back(bytes.substr(begin, n));
    begin += n;
  }
  return {slices.data(), slices.size()};
}

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  return Payload(std::move(slices)).ToString();
}

class BulkCodecTest : public RandomTest {
 protected:
  AppendRequest RandomRequest() {
    AppendRequest request;
    request.mutable_header()->set_committed(random_());
    request.mutable_header()->mutable_data()->set_seq(Below(1000));
    if (!OneIn(4)) *request.mutable_payload() = RandomBytes(Below(3000));
    return request;
  }
};

TEST_F(BulkCodecTest, EncodesWhatProtobufWouldEncode) {
  for (int round = 0; round < 200; ++round) {
    const AppendRequest request = RandomRequest();
    const size_t cut = Below(request.payload().size() + 1);
    const grpc::Slice payload[] = {grpc::Slice(request.payload().substr(0, cut)),
                                   grpc::Slice(request.payload().substr(cut))};
    EXPECT_EQ(Flatten(EncodeBulk(request.header(), payload)), request.SerializeAsString());
  }
}

TEST_F(BulkCodecTest, DecodesWhatProtobufEncodedHoweverItIsSliced) {
  for (int round = 0; round < 200; ++round) {
    const AppendRequest request = RandomRequest();
    AppendHeader header;
    Payload payload;
    ASSERT_OK(DecodeBulk(Scatter(request.SerializeAsString(), &random_), &header, &payload));
    EXPECT_EQ(header.SerializeAsString(), request.header().SerializeAsString());
    EXPECT_EQ(payload.ToString(), request.payload());
    EXPECT_EQ(payload.size(), request.payload().size());
    EXPECT_EQ(payload.Crc(), Crc32c(request.payload()));
  }
}

TEST_F(BulkCodecTest, PayloadIsSharedNotCopied) {
  const grpc::Slice payload(std::string(100'000, 'x'));
  AppendHeader header;
  Payload decoded;
  ASSERT_OK(DecodeBulk(EncodeBulk(header, {&payload, 1}), &header, &decoded));
  ASSERT_EQ(decoded.slices().size(), 1u);
  EXPECT_EQ(decoded.slices()[0].begin(), payload.begin());
}

TEST_F(BulkCodecTest, GarbageIsRefusedAndNeverCrashes) {
  AppendHeader header;
  Payload payload;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = OneIn(2) ? RandomBytes(Below(200)) : RandomRequest().SerializeAsString();
    if (!bytes.empty() && OneIn(2)) bytes[Below(bytes.size())] ^= static_cast<char>(Below(256));
    bytes.resize(Below(bytes.size() + 1));
    const absl::Status status = DecodeBulk(Scatter(bytes, &random_), &header, &payload);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status.ToString();
  }
}

TEST_F(BulkCodecTest, LengthsThatLieAreRefused) {
  AppendHeader header;
  Payload payload;
  for (const std::string& bytes :
       {std::string("\x0a\x05"
                    "ab"),
        std::string("\x12\xff\xff\xff\xff\x0f"),
        std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), std::string("\x12"),
        std::string("\x1a\x01"
                    "x")}) {
    EXPECT_THAT(DecodeBulk(Scatter(bytes, &random_), &header, &payload),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(BulkCodecTest, WholeMessagesRoundTrip) {
  const AppendRequest request = RandomRequest();
  AppendRequest decoded;
  ASSERT_OK(DecodeMessage(EncodeMessage(request), &decoded));
  EXPECT_EQ(decoded.SerializeAsString(), request.SerializeAsString());
  EXPECT_THAT(DecodeMessage(Scatter("\xff\xff", &random_), &decoded),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace quern::rpc
