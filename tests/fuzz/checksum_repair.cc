#include "granary/tests/fuzz/checksum_repair.h"

#include <algorithm>
#include <cstring>

#include "granary/parts/format.h"
#include "granary/parts/frame.h"
#include "granary/parts/manifest.h"
#include "granary/parts/sub_index_frame.h"

namespace granary::fuzz {
namespace {

constexpr size_t kChecksumBytes = 8;
constexpr size_t kOldLogHeaderBytes = 16;
constexpr size_t kLogHeaderBytes = 80;  // both copies
constexpr size_t kLogVersionOffset = 12;
constexpr size_t kLogOwnerOffset = 16;
constexpr size_t kLogSequenceOffset = 32;
constexpr size_t kRecordHeaderBytes = 32;
constexpr size_t kManifestHeaderBytes = 32;

template <class T>
T Get(const Bytes& file, size_t offset) {
  T value;
  std::memcpy(&value, file.data() + offset, sizeof(value));
  return value;
}

template <class T>
void Set(Bytes& file, size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof(value));
}

// Writes at `offset` the checksum of the bytes behind it, up to `end`.
void Sign(Bytes& file, size_t offset, size_t end, uint64_t seed) {
  const Input covered = Input(file).subspan(offset + kChecksumBytes, end - offset - kChecksumBytes);
  Set<uint64_t>(file, offset, Checksum(ToStorage(covered), seed));
}

// Signs the records of a log, each with its second copy if `copies` is 2.
void RepairRecords(Bytes& file, size_t offset, uint64_t seed, uint64_t sequence, size_t copies) {
  while (offset <= file.size() && file.size() - offset >= kRecordHeaderBytes) {
    const uint64_t padded = RoundUp(Get<uint32_t>(file, offset + 12), 8);
    const size_t bytes = kRecordHeaderBytes + padded;
    if (bytes > file.size() - offset) return;
    Set<uint32_t>(file, offset + 8, kLogRecordMagic);
    Set<uint64_t>(file, offset + 16, sequence++);
    Sign(file, offset, offset + bytes, seed + offset);
    if (copies == 2 && bytes <= file.size() - offset - bytes) {
      std::memcpy(file.data() + offset + bytes, file.data() + offset, bytes);
      Sign(file, offset + bytes, offset + 2 * bytes, seed + offset + bytes);
    }
    offset += copies * bytes;
  }
}

class PartRepair {
 public:
  PartRepair(Bytes& file, const DecodedManifest& decoded)
      : file_(file), manifest_(decoded.manifest), streams_offset_(decoded.streams_offset) {}

  void Run() {
    RepairFrames(manifest_.primary_key_rows);
    for (const ManifestColumn& column : manifest_.columns) {
      if (column.has_vectors()) {
        RepairVectors(column);
      } else {
        RepairFrames(column.data);
        RepairFrames(column.places);
      }
    }
    for (size_t i = 0; i < manifest_.indexes.size(); ++i) RepairIndex(i);
  }

 private:
  size_t OffsetOf(const StreamLocation& stream) const { return streams_offset_ + stream.offset; }
  bool IsHere(const StreamLocation& stream) const { return stream.file == 0 && stream.bytes > 0; }

  void RepairFrames(const StreamLocation& stream) {
    if (!IsHere(stream)) return;
    const size_t begin = OffsetOf(stream);
    const size_t end = begin + stream.bytes;
    for (size_t offset = begin; offset < end;) {
      offset = RepairFrame(file_, offset, stream.seed + (offset - begin));
      if (offset == 0) return;
    }
  }

  // The checksums of `bytes` bytes from `offset` on, written where the numbers of a frame are.
  void SignPages(size_t offset, uint64_t bytes, uint64_t seed, size_t sums_offset,
                 size_t sums_end) {
    for (uint64_t page = 0; page < bytes; page += kChecksumPageBytes) {
      if (sums_offset + kChecksumBytes > sums_end) return;
      const Input contents =
          Input(file_).subspan(offset + page, std::min<uint64_t>(kChecksumPageBytes, bytes - page));
      Set<uint64_t>(file_, sums_offset, Checksum(ToStorage(contents), seed + page));
      sums_offset += kChecksumBytes;
    }
  }

  // Places are a frame; where it is not compressed, its numbers can be set.
  void RepairVectors(const ManifestColumn& column) {
    if (IsHere(column.places) && IsHere(column.data)) {
      const size_t places = OffsetOf(column.places);
      SignPages(OffsetOf(column.data), column.data.bytes, column.data.seed,
                places + kFrameHeaderBytes, places + column.places.bytes);
    }
    RepairFrames(column.places);
  }

  void RepairIndex(size_t number) {
    const StreamLocation& stream = manifest_.index_streams[number];
    if (!IsHere(stream)) return;
    for (const PartIndexBlock& block : manifest_.indexes[number].blocks) {
      const size_t header = OffsetOf(stream) + block.header_offset;
      const uint64_t sums_bytes = kChecksumBytes * PageCount(block.payload_bytes);
      if (block.header_bytes < kFrameHeaderBytes + sums_bytes) continue;
      SignLastNumbers(stream, block, header, sums_bytes);
      RepairFrame(file_, header, stream.seed + block.header_offset);
    }
  }

  // The checksums are the last numbers of the header, before its padding.
  void SignLastNumbers(const StreamLocation& stream, const PartIndexBlock& block, size_t header,
                       uint64_t sums_bytes) {
    const auto stored = Get<uint64_t>(file_, header + 24);
    if (stored < sums_bytes || stored > block.header_bytes - kFrameHeaderBytes) return;
    const size_t end = header + kFrameHeaderBytes + stored;
    SignPages(OffsetOf(stream) + block.payload_offset, block.payload_bytes,
              stream.seed + block.payload_offset, end - sums_bytes, end);
  }

  Bytes& file_;
  const Manifest& manifest_;
  const uint64_t streams_offset_;
};

}  // namespace

size_t RepairFrame(Bytes& file, size_t offset, uint64_t seed) {
  if (offset > file.size() || file.size() - offset < kFrameHeaderBytes) return 0;
  const uint64_t room = file.size() - offset - kFrameHeaderBytes;
  const auto stored_bytes = Get<uint64_t>(file, offset + 24);
  if (stored_bytes > room || RoundUp(stored_bytes, 8) > room) return 0;
  const size_t end = offset + kFrameHeaderBytes + RoundUp(stored_bytes, 8);
  Set<uint32_t>(file, offset + 8, kFrameMagic);
  Sign(file, offset, end, seed);
  return end;
}

Bytes RepairLog(Input log, std::span<const std::byte> model) {
  Bytes file(log.begin(), log.end());
  if (file.size() < kLogHeaderBytes) return file;
  if (Get<uint16_t>(file, kLogVersionOffset) == 1) {
    Set<uint32_t>(file, kChecksumBytes, kLogMagic);
    Sign(file, 0, kOldLogHeaderBytes, 0);
    RepairRecords(file, kOldLogHeaderBytes, 0, 0, 1);
    return file;
  }
  std::memcpy(file.data(), model.data(), kLogHeaderBytes);
  const uint64_t owner = Checksum(model.subspan(kLogOwnerOffset, 2 * sizeof(uint64_t)), 0);
  RepairRecords(file, kLogHeaderBytes, owner, Get<uint64_t>(file, kLogSequenceOffset), 2);
  return file;
}

Bytes RepairManifest(Input input) {
  Bytes file(input.begin(), input.end());
  if (file.size() < kManifestHeaderBytes) return file;
  const uint64_t room = file.size() - kManifestHeaderBytes;
  const auto body_bytes = std::min(Get<uint64_t>(file, 16), room);
  Set<uint32_t>(file, kChecksumBytes, kManifestMagic);
  Set<uint64_t>(file, 16, body_bytes);
  Set<uint64_t>(file, 24, file.size());
  Sign(file, 0, kManifestHeaderBytes + body_bytes, 0);
  return file;
}

Bytes RepairPart(Input input) {
  Bytes file = RepairManifest(input);
  try {
    const DecodedManifest decoded = DecodeManifest(ToStorage(file), file.size(), "manifest");
    PartRepair(file, decoded).Run();
  } catch (const Error&) {
    return file;
  }
  return file;
}

}  // namespace granary::fuzz
