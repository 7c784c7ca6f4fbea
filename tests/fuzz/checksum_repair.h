// Makes the checksums of changed files right again, so that what stands behind them is reached:
// what a bug in a writer, or someone who means harm, could leave on a disk. FORMAT.md describes
// the files. What is too broken to be repaired stays as it is.
#pragma once

#include <cstdint>

#include "granary/tests/fuzz/fuzz_target.h"

namespace granary::fuzz {

// The checksum of the frame that begins at `offset`; returns where it ends, or 0 if it is not
// whole.
size_t RepairFrame(Bytes& file, size_t offset, uint64_t seed);

// A log of either version: of all records one after the other magic, sequence and checksum, in both
// copies. The header becomes that of `model`, a log of the same owner, unless it is of version 1.
Bytes RepairLog(Input log, std::span<const std::byte> model);

// Sizes and checksum of a manifest, nothing else of its file.
Bytes RepairManifest(Input file);

// A compact part: its manifest, and of all streams in the file the frames, pages and headers.
Bytes RepairPart(Input file);

}  // namespace granary::fuzz
