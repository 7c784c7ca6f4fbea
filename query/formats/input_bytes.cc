#include "granary/query/formats/input_bytes.h"

#include <algorithm>
#include <cstring>

#include "granary/table/error.h"

namespace granary {
namespace {

constexpr size_t kChunkBytesMin = size_t{1} << 14;
constexpr size_t kChunkBytesMax = size_t{1} << 18;
constexpr size_t kWindowBytesMax = size_t{1} << 30;

}  // namespace

bool InputBytes::More() {
  if (!pull_) return false;
  if (window_.size() >= kWindowBytesMax) {
    throw Error(ErrorCode::kTooLargeStringSize,
                "no end of row within 1 GiB: a quote or bracket may be left open");
  }
  const size_t kept = window_.size();
  const size_t chunk = std::clamp(buffer_.size(), kChunkBytesMin, kChunkBytesMax);
  const size_t needed = kept + std::max(chunk, kept);
  if (buffer_.size() < needed) {
    std::vector<char> larger(needed);
    if (kept > 0) std::memcpy(larger.data(), window_.data(), kept);
    buffer_ = std::move(larger);
  } else if (kept > 0) {
    std::memmove(buffer_.data(), window_.data(), kept);
  }
  window_ = {buffer_.data(), kept};
  const size_t pulled = pull_(std::span(buffer_).subspan(kept));
  if (pulled == 0) {
    pull_ = nullptr;
    return false;
  }
  window_ = {buffer_.data(), kept + pulled};
  return true;
}

}  // namespace granary
