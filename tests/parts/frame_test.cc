// Frames as they are written, and frames whose checksum is right but whose header is not.
#include "granary/parts/frame.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/column_codec.h"

namespace granary {
namespace {

constexpr uint64_t kSeed = 11;
constexpr size_t kCodecOffset = 12;
constexpr size_t kRawBytesOffset = 16;

std::vector<std::byte> Repeating(size_t bytes) {
  std::vector<std::byte> raw(bytes);
  for (size_t i = 0; i < bytes; ++i) raw[i] = std::byte(i % 5);
  return raw;
}

std::vector<std::byte> FrameOf(std::span<const std::byte> raw) {
  ByteWriter out;
  FrameEncoder().Write(raw, kSeed, out);
  return out.Take();
}

template <class T>
std::vector<std::byte> With(std::vector<std::byte> frame, size_t offset, T number) {
  std::memcpy(frame.data() + offset, &number, sizeof(number));
  const uint64_t sum = Checksum(std::span(frame).subspan(sizeof(uint64_t)), kSeed);
  std::memcpy(frame.data(), &sum, sizeof(sum));
  return frame;
}

std::string Problem(std::span<const std::byte> frame) {
  try {
    DecodeFrame(nullptr, frame, kSeed, "frame");
    return "none";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptedData);
    return error.message();
  }
}

TEST(Frame, ReadsBackWhatWasWritten) {
  for (const size_t bytes : {0, 1, 8, 15, 100, 100'000}) {
    const std::vector<std::byte> raw = Repeating(bytes);
    const std::vector<std::byte> frame = FrameOf(raw);
    EXPECT_EQ(frame.size() % 8, 0u);
    const FramePtr decoded = DecodeFrame(nullptr, frame, kSeed, "frame");
    EXPECT_THAT(decoded->raw, testing::ElementsAreArray(raw));
  }
  EXPECT_LT(FrameOf(Repeating(100'000)).size(), 1000u);
}

// Nothing is allocated for what a few bytes promise.
TEST(Frame, PromisesNoMoreThanItsBytesCanHold) {
  const std::vector<std::byte> frame = FrameOf(Repeating(100));
  EXPECT_EQ(Problem(frame), "none");
  for (const uint64_t raw_bytes : {uint64_t{2'000'000'000}, uint64_t{1} << 62, UINT64_MAX}) {
    EXPECT_THAT(Problem(With(frame, kRawBytesOffset, raw_bytes)),
                testing::HasSubstr("promises more than its bytes can hold"));
  }
  EXPECT_THAT(Problem(With(frame, kRawBytesOffset, uint64_t{99})),
              testing::HasSubstr("does not decompress"));
  EXPECT_THAT(Problem(With(frame, kRawBytesOffset, uint64_t{101})),
              testing::HasSubstr("does not decompress"));
}

TEST(Frame, RefusesCodecsItDoesNotKnow) {
  EXPECT_THAT(Problem(With(FrameOf(Repeating(100)), kCodecOffset, uint32_t{2})),
              testing::HasSubstr("unknown codec"));
}

// Marks that are wrong may point into the middle of a frame.
TEST(Frame, ValuesBeginAtMultiplesOfEight) {
  ByteWriter out;
  EncodeRows(
      *MakeConstant(DataType::Array(TypeId::kUInt32), ValueArray{uint64_t{1}}, 3)->Materialize(), 0,
      3, out);
  const std::vector<std::byte> bytes = out.Take();
  std::vector<uint64_t> aligned(bytes.size() / 8 + 2);
  const auto from = [&](size_t offset) {
    std::byte* const at = reinterpret_cast<std::byte*>(aligned.data()) + offset;
    std::memcpy(at, bytes.data(), bytes.size());
    ByteReader in(std::span<const std::byte>(at, bytes.size()), "frame");
    return DecodeRows(DataType::Array(TypeId::kUInt32), 3, nullptr, in)->size();
  };
  EXPECT_EQ(from(0), 3u);
  EXPECT_THROW(from(1), Error);
  EXPECT_THROW(from(4), Error);
}

}  // namespace
}  // namespace granary
