// Frames: how bytes that are not mapped lie on disk. A frame is a header with sizes and an XXH3 and
// a payload, LZ4-compressed where that helps. The checksum is seeded with the frame's place, so
// that a whole frame in the wrong place is damage too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "granary/table/byte_stream.h"

namespace granary {

constexpr size_t kFrameHeaderBytes = 32;

// A decoded payload. It starts at a multiple of 8.
struct Frame {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> raw;
};
using FramePtr = std::shared_ptr<const Frame>;

// Writes frames one after the other. Gives compression up for a while where it does not help.
class FrameEncoder {
 public:
  // Appends one frame to `out`; `seed` is that of the stream plus the frame's offset in it. Returns
  // the bytes appended, a multiple of 8.
  size_t Write(std::span<const std::byte> raw, uint64_t seed, ByteSink& out);

 private:
  // Empty if storing the bytes as they are is better.
  std::span<const std::byte> TryCompress(std::span<const std::byte> raw);

  std::vector<std::byte> compressed_;
  size_t frames_to_skip_ = 0;
  size_t skip_next_ = 1;
};

// Decodes the frame that `bytes` starts with and that ends at or before the end of `bytes`. `owner`
// keeps `bytes` alive: an uncompressed payload is not copied if it is aligned. Throws
// CORRUPTED_DATA with `what`.
FramePtr DecodeFrame(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                     uint64_t seed, std::string_view what);

// XXH3, 64 bits.
uint64_t Checksum(std::span<const std::byte> bytes, uint64_t seed);

// Checksums of the pages of a stream that is appended to. Page p is seeded with `seed` + its
// offset.
class PageChecksums {
 public:
  explicit PageChecksums(uint64_t seed);
  ~PageChecksums();
  PageChecksums(PageChecksums&&) noexcept;

  void Append(std::span<const std::byte> bytes);
  // One per page; the last page may be short.
  std::vector<uint64_t> Finish();

 private:
  void StartPage();

  struct Hash;
  std::unique_ptr<Hash> hash_;
  uint64_t seed_;
  uint64_t page_bytes_ = 0;
  std::vector<uint64_t> sums_;
};

// The number of the first page in [first, end) whose checksum is wrong, or `end`. `bytes` is the
// whole stream; sums has one entry per page.
size_t FirstDamagedPage(std::span<const std::byte> bytes, std::span<const uint64_t> sums,
                        uint64_t seed, size_t first, size_t end);
size_t PageCount(uint64_t bytes);

}  // namespace granary
