#include "granary/parts/frame.h"

#include <fmt/format.h>
#include <lz4.h>
#define XXH_STATIC_LINKING_ONLY
#include <algorithm>
#include <array>

#include <xxhash.h>

#include "granary/parts/format.h"
#include "granary/table/memory_tracker.h"

namespace granary {
namespace {

enum class Codec : uint8_t { kRaw = 0, kLz4 = 1 };

// A frame is worth compressing if that saves a sixteenth.
constexpr size_t kLeastSavingDivisor = 16;
constexpr size_t kMostFramesSkipped = 32;
constexpr size_t kChecksumBytes = sizeof(uint64_t);
// LZ4 makes at most so many bytes of one.
constexpr uint64_t kLz4ExpansionMax = 255;

}  // namespace

std::span<const std::byte> FrameEncoder::TryCompress(std::span<const std::byte> raw) {
  if (raw.size() > LZ4_MAX_INPUT_SIZE || raw.size() < kLeastSavingDivisor) return {};
  if (frames_to_skip_ > 0) {
    --frames_to_skip_;
    return {};
  }
  const size_t target = raw.size() - raw.size() / kLeastSavingDivisor;
  compressed_.resize(std::max(compressed_.size(), target));
  const int bytes = LZ4_compress_default(reinterpret_cast<const char*>(raw.data()),
                                         reinterpret_cast<char*>(compressed_.data()),
                                         static_cast<int>(raw.size()), static_cast<int>(target));
  if (bytes <= 0) {
    frames_to_skip_ = skip_next_;
    skip_next_ = std::min(2 * skip_next_, kMostFramesSkipped);
    return {};
  }
  skip_next_ = 1;
  return std::span<const std::byte>(compressed_).first(static_cast<size_t>(bytes));
}

size_t FrameEncoder::Write(std::span<const std::byte> raw, uint64_t seed, ByteSink& out) {
  const std::span<const std::byte> compressed = TryCompress(raw);
  const bool is_compressed = !compressed.empty();
  const std::span<const std::byte> payload = is_compressed ? compressed : raw;
  ByteWriter header;
  header.Write<uint32_t>(kFrameMagic);
  header.Write<uint32_t>(static_cast<uint32_t>(is_compressed ? Codec::kLz4 : Codec::kRaw));
  header.Write<uint64_t>(raw.size());
  header.Write<uint64_t>(payload.size());
  const std::array<std::byte, 8> zeros{};
  const auto padding = std::span(zeros).first(RoundUp(payload.size(), 8) - payload.size());

  // Resetting keeps the secret of a state whose seed is the same: what an earlier call has left in this
  // place of the stack may have the seed and a secret that others have written over since.
  XXH3_state_t hash;
  XXH3_INITSTATE(&hash);
  XXH3_64bits_reset_withSeed(&hash, seed);
  for (const auto part : {header.bytes(), payload, std::span<const std::byte>(padding)}) {
    XXH3_64bits_update(&hash, part.data(), part.size());
  }
  const uint64_t checksum = XXH3_64bits_digest(&hash);
  out.Append(std::as_bytes(std::span(&checksum, 1)));
  out.Append(header.bytes());
  out.Append(payload);
  out.Append(padding);
  return kFrameHeaderBytes + payload.size() + padding.size();
}

FramePtr DecodeFrame(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                     uint64_t seed, std::string_view what) {
  ByteReader reader(bytes, what);
  const auto checksum = reader.Read<uint64_t>();
  if (reader.Read<uint32_t>() != kFrameMagic) reader.ThrowCorrupted("a frame without its magic");
  const auto codec = reader.Read<uint32_t>();
  const auto raw_bytes = reader.Read<uint64_t>();
  const auto stored_bytes = reader.Read<uint64_t>();
  if (stored_bytes > reader.remaining() || RoundUp(stored_bytes, 8) > reader.remaining()) {
    reader.ThrowCorrupted("a frame longer than its stream");
  }
  const size_t frame_bytes = kFrameHeaderBytes + RoundUp(stored_bytes, 8);
  if (Checksum(bytes.subspan(kChecksumBytes, frame_bytes - kChecksumBytes), seed) != checksum) {
    reader.ThrowCorrupted("the checksum of a frame does not match");
  }
  const std::span<const std::byte> payload = bytes.subspan(kFrameHeaderBytes, stored_bytes);
  if (codec == static_cast<uint32_t>(Codec::kRaw) && raw_bytes == stored_bytes) {
    if (reinterpret_cast<uintptr_t>(payload.data()) % 8 == 0) {
      return std::make_shared<Frame>(Frame{std::move(owner), payload});
    }
    const auto copy = MakeChargedArray<std::byte>(raw_bytes);
    std::copy(payload.begin(), payload.end(), copy.get());
    return std::make_shared<Frame>(Frame{copy, {copy.get(), raw_bytes}});
  }
  if (codec != static_cast<uint32_t>(Codec::kLz4)) {
    reader.ThrowCorrupted("a frame of an unknown codec");
  }
  if (raw_bytes > LZ4_MAX_INPUT_SIZE || stored_bytes > LZ4_MAX_INPUT_SIZE ||
      raw_bytes > stored_bytes * kLz4ExpansionMax) {
    reader.ThrowCorrupted("a frame that promises more than its bytes can hold");
  }
  const auto raw = MakeChargedArray<std::byte>(raw_bytes);
  const int got = LZ4_decompress_safe(reinterpret_cast<const char*>(payload.data()),
                                      reinterpret_cast<char*>(raw.get()),
                                      static_cast<int>(stored_bytes), static_cast<int>(raw_bytes));
  if (got < 0 || static_cast<uint64_t>(got) != raw_bytes) {
    reader.ThrowCorrupted("a frame that does not decompress");
  }
  return std::make_shared<Frame>(Frame{raw, {raw.get(), raw_bytes}});
}

uint64_t Checksum(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct PageChecksums::Hash {
  alignas(64) XXH3_state_t state;
};

PageChecksums::PageChecksums(uint64_t seed) : hash_(std::make_unique<Hash>()), seed_(seed) {
  StartPage();
}
PageChecksums::~PageChecksums() = default;
PageChecksums::PageChecksums(PageChecksums&&) noexcept = default;

void PageChecksums::StartPage() {
  XXH3_64bits_reset_withSeed(&hash_->state, seed_ + sums_.size() * kChecksumPageBytes);
  page_bytes_ = 0;
}

void PageChecksums::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t step = std::min<size_t>(bytes.size(), kChecksumPageBytes - page_bytes_);
    XXH3_64bits_update(&hash_->state, bytes.data(), step);
    bytes = bytes.subspan(step);
    page_bytes_ += step;
    if (page_bytes_ < kChecksumPageBytes) return;
    sums_.push_back(XXH3_64bits_digest(&hash_->state));
    StartPage();
  }
}

std::vector<uint64_t> PageChecksums::Finish() {
  if (page_bytes_ > 0) sums_.push_back(XXH3_64bits_digest(&hash_->state));
  return std::move(sums_);
}

size_t FirstDamagedPage(std::span<const std::byte> bytes, std::span<const uint64_t> sums,
                        uint64_t seed, size_t first, size_t end) {
  for (size_t page = first; page < end; ++page) {
    const size_t offset = page * kChecksumPageBytes;
    const auto contents =
        bytes.subspan(offset, std::min(kChecksumPageBytes, bytes.size() - offset));
    if (Checksum(contents, seed + offset) != sums[page]) return page;
  }
  return end;
}

size_t PageCount(uint64_t bytes) { return RoundUp(bytes, kChecksumPageBytes) / kChecksumPageBytes; }

}  // namespace granary
