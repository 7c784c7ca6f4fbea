// Numbers of the on-disk format that more than one file needs; FORMAT.md explains them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace granary {

// Four characters as they stand in the file.
constexpr uint32_t FourCharacters(const char (&text)[5]) {
  return static_cast<uint32_t>(text[0]) | static_cast<uint32_t>(text[1]) << 8 |
         static_cast<uint32_t>(text[2]) << 16 | static_cast<uint32_t>(text[3]) << 24;
}

constexpr uint32_t kManifestMagic = FourCharacters("GRPT");
constexpr uint32_t kFrameMagic = FourCharacters("GRFR");
constexpr uint32_t kSubIndexMagic = FourCharacters("GRIX");
constexpr uint32_t kLogMagic = FourCharacters("GRLG");
constexpr uint32_t kLogRecordMagic = FourCharacters("GRRC");
constexpr uint32_t kDurablePointMagic = FourCharacters("GRDP");

constexpr uint16_t kPartFormatVersion = 2;
constexpr uint16_t kPartFormatWithoutOwner = 1;  // still read
constexpr uint16_t kLogFormatVersion = 2;
constexpr uint16_t kSubIndexFormatVersion = 1;

// Vectors and sub-indexes carry a checksum for each page of this size.
constexpr size_t kChecksumPageBytes = size_t{64} << 10;
// A frame ends at the first granule boundary at or beyond this many raw bytes.
constexpr size_t kFrameRawBytes = size_t{64} << 10;
// Every stream starts at a multiple of this in its file.
constexpr size_t kStreamAlignment = 64;

constexpr uint64_t RoundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace granary
