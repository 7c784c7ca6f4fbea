// What the engine writes behind the bytes of a sub-index, so that a stale or damaged one is known.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace granary {

struct SubIndexHeader {
  std::string kind;
  std::string identity;  // DeclaredIndex::identity()
  uint64_t first_row = 0;
  uint64_t rows = 0;
  uint64_t payload_bytes = 0;
  std::vector<uint64_t> page_checksums;
};

std::vector<std::byte> EncodeSubIndexHeader(const SubIndexHeader& header);
// Throws CORRUPTED_DATA or UNKNOWN_FORMAT_VERSION with `what`.
SubIndexHeader DecodeSubIndexHeader(std::span<const std::byte> bytes, std::string_view what);

}  // namespace granary
