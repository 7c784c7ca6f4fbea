// The manifest of a part: what its rows are and where its streams lie. First in the file
// "manifest"; the small streams of a part, and all streams of a compact part, follow it in the same
// file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/parts/log_format.h"
#include "granary/parts/part.h"
#include "granary/table/types.h"
#include "granary/table/value.h"

namespace granary {

inline constexpr char kManifestFile[] = "manifest";

// Where a stream lies. In file 0, the manifest's own, offsets count from the end of the manifest
// (rounded up to 64).
struct StreamLocation {
  uint64_t file = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t seed = 0;  // of the checksums in it
};

enum class ColumnLayout : uint8_t {
  kFrames = 0,   // data: frames; places: marks
  kVectors = 1,  // data: rows of fixed stride; places: page checksums
  // The same, of those rows that are not empty; places: page checksums, then which rows these are.
  kPresentVectors = 2,
};

struct ManifestColumn {
  std::string name;
  DataType type;
  ColumnLayout layout = ColumnLayout::kFrames;
  uint64_t dimensions = 0;  // of vectors; 0 if no row has one
  uint64_t raw_bytes = 0;
  StreamLocation data;
  StreamLocation places;

  bool has_vectors() const { return layout != ColumnLayout::kFrames; }
};

struct Manifest {
  PartName name;
  // The table whose part it is; nothing in format version 1.
  std::optional<LogOwner> owner;
  uint64_t rows = 0;
  uint64_t granule_rows = 0;
  uint64_t raw_bytes = 0;
  int64_t created_ns = 0;  // since the Unix epoch
  struct File {
    std::string name;
    uint64_t bytes = 0;
  };
  std::vector<File> files;    // besides the manifest; number 1 is the first
  uint64_t stream_bytes = 0;  // of the streams in the manifest's own file, gaps included
  std::vector<ManifestColumn> columns;
  std::vector<DataType> primary_key;
  StreamLocation primary_key_rows;
  std::vector<Value> partition;
  std::vector<Part::ColumnRange> column_ranges;
  std::vector<PartIndex> indexes;
  std::vector<StreamLocation> index_streams;  // one per index
};

// A mark: where a granule begins.
struct Mark {
  uint64_t frame_offset = 0;  // in the stream
  uint64_t raw_offset = 0;    // in the decoded frame
};

// The manifest as bytes, padded to the place where streams begin.
std::vector<std::byte> EncodeManifest(const Manifest& manifest);

struct DecodedManifest {
  Manifest manifest;
  uint64_t streams_offset = 0;  // in the file
};
// `file` is the whole file, or its first bytes with at least all of the manifest. Throws
// CORRUPTED_DATA or UNKNOWN_FORMAT_VERSION with `what`.
DecodedManifest DecodeManifest(std::span<const std::byte> file, uint64_t file_bytes,
                               std::string_view what);

// PartName as it stands in manifests and commit logs.
void WritePartName(const PartName& name, ByteWriter& out);
PartName ReadPartName(ByteReader& in);

}  // namespace granary
