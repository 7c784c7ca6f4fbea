#include "granary/parts/manifest.h"

#include <limits>

#include <fmt/format.h>

#include "granary/parts/format.h"
#include "granary/parts/frame.h"

namespace granary {
namespace {

constexpr size_t kHeaderBytes = 32;
constexpr size_t kChecksumBytes = sizeof(uint64_t);
// The shortest forms, for bounds on counts.
constexpr size_t kLeastFileBytes = 2;
constexpr size_t kLeastColumnBytes = 10;
constexpr size_t kLeastBlockBytes = 8;
constexpr size_t kLeastIndexBytes = 5;

void WriteLocation(const StreamLocation& stream, ByteWriter& out) {
  out.WriteVarint(stream.file);
  out.WriteVarint(stream.offset);
  out.WriteVarint(stream.bytes);
  out.Write<uint64_t>(stream.seed);
}

StreamLocation ReadLocation(ByteReader& in) {
  StreamLocation stream;
  stream.file = in.ReadVarint();
  stream.offset = in.ReadVarint();
  stream.bytes = in.ReadVarint();
  stream.seed = in.Read<uint64_t>();
  return stream;
}

void WriteColumn(const ManifestColumn& column, ByteWriter& out) {
  out.WriteString(column.name);
  out.WriteString(column.type.name());
  out.Write<uint8_t>(static_cast<uint8_t>(column.layout));
  out.WriteVarint(column.dimensions);
  out.WriteVarint(column.raw_bytes);
  WriteLocation(column.data, out);
  WriteLocation(column.places, out);
}

ManifestColumn ReadColumn(ByteReader& in) {
  ManifestColumn column;
  column.name = in.ReadString();
  column.type = DataType::Parse(in.ReadString());
  const auto layout = in.Read<uint8_t>();
  if (layout > static_cast<uint8_t>(ColumnLayout::kPresentVectors))
    in.ThrowCorrupted("unknown layout");
  column.layout = static_cast<ColumnLayout>(layout);
  column.dimensions = in.ReadVarint();
  column.raw_bytes = in.ReadVarint();
  column.data = ReadLocation(in);
  column.places = ReadLocation(in);
  return column;
}

void WriteOptionalValue(const std::optional<Value>& value, ByteWriter& out) {
  out.Write<uint8_t>(value.has_value());
  if (value) WriteValue(*value, out);
}

std::optional<Value> ReadOptionalValue(ByteReader& in) {
  if (in.Read<uint8_t>() == 0) return std::nullopt;
  return ReadValue(in);
}

void WriteIndex(const PartIndex& index, const StreamLocation& stream, ByteWriter& out) {
  out.WriteString(index.name);
  out.WriteString(index.kind);
  out.WriteString(index.identity);
  WriteLocation(stream, out);
  out.WriteVarint(index.blocks.size());
  for (const PartIndexBlock& block : index.blocks) {
    for (const uint64_t number :
         {block.granules.begin, block.granules.end, block.first_row, block.rows,
          block.payload_offset, block.payload_bytes, block.header_offset, block.header_bytes}) {
      out.WriteVarint(number);
    }
  }
}

PartIndex ReadIndex(ByteReader& in, StreamLocation& stream) {
  PartIndex index;
  index.name = in.ReadString();
  index.kind = in.ReadString();
  index.identity = in.ReadString();
  stream = ReadLocation(in);
  index.stored_bytes = stream.bytes;
  index.blocks.resize(in.ReadCount(kLeastBlockBytes));
  for (PartIndexBlock& block : index.blocks) {
    block.granules.begin = in.ReadVarint();
    block.granules.end = in.ReadVarint();
    for (uint64_t* number : {&block.first_row, &block.rows, &block.payload_offset,
                             &block.payload_bytes, &block.header_offset, &block.header_bytes}) {
      *number = in.ReadVarint();
    }
  }
  return index;
}

void WriteBody(const Manifest& manifest, ByteWriter& out) {
  WritePartName(manifest.name, out);
  if (manifest.owner) {
    out.Write<uint64_t>(manifest.owner->database);
    out.Write<uint64_t>(manifest.owner->table);
  }
  out.WriteVarint(manifest.rows);
  out.WriteVarint(manifest.granule_rows);
  out.WriteVarint(manifest.raw_bytes);
  out.Write<int64_t>(manifest.created_ns);
  out.WriteVarint(manifest.files.size());
  for (const Manifest::File& file : manifest.files) {
    out.WriteString(file.name);
    out.WriteVarint(file.bytes);
  }
  out.WriteVarint(manifest.columns.size());
  for (const ManifestColumn& column : manifest.columns) WriteColumn(column, out);
  out.WriteVarint(manifest.primary_key.size());
  for (const DataType& type : manifest.primary_key) out.WriteString(type.name());
  WriteLocation(manifest.primary_key_rows, out);
  out.WriteVarint(manifest.partition.size());
  for (const Value& value : manifest.partition) WriteValue(value, out);
  out.WriteVarint(manifest.column_ranges.size());
  for (const Part::ColumnRange& range : manifest.column_ranges) {
    out.WriteString(range.column);
    WriteOptionalValue(range.range.min, out);
    WriteOptionalValue(range.range.max, out);
  }
  out.WriteVarint(manifest.indexes.size());
  for (size_t i = 0; i < manifest.indexes.size(); ++i) {
    WriteIndex(manifest.indexes[i], manifest.index_streams[i], out);
  }
}

Manifest ReadBody(uint16_t version, ByteReader& in) {
  Manifest manifest;
  manifest.name = ReadPartName(in);
  if (version > kPartFormatWithoutOwner) {
    manifest.owner.emplace();
    manifest.owner->database = in.Read<uint64_t>();
    manifest.owner->table = in.Read<uint64_t>();
  }
  manifest.rows = in.ReadVarint();
  manifest.granule_rows = in.ReadVarint();
  manifest.raw_bytes = in.ReadVarint();
  manifest.created_ns = in.Read<int64_t>();
  manifest.files.resize(in.ReadCount(kLeastFileBytes));
  for (Manifest::File& file : manifest.files) {
    file.name = in.ReadString();
    file.bytes = in.ReadVarint();
  }
  const size_t columns = in.ReadCount(kLeastColumnBytes);
  for (size_t i = 0; i < columns; ++i) manifest.columns.push_back(ReadColumn(in));
  const size_t keys = in.ReadCount(1);
  for (size_t i = 0; i < keys; ++i) {
    manifest.primary_key.push_back(DataType::Parse(in.ReadString()));
  }
  manifest.primary_key_rows = ReadLocation(in);
  manifest.partition.resize(in.ReadCount(1));
  for (Value& value : manifest.partition) value = ReadValue(in);
  manifest.column_ranges.resize(in.ReadCount(1));
  for (Part::ColumnRange& range : manifest.column_ranges) {
    range.column = in.ReadString();
    range.range.min = ReadOptionalValue(in);
    range.range.max = ReadOptionalValue(in);
  }
  const size_t indexes = in.ReadCount(kLeastIndexBytes);
  manifest.index_streams.resize(indexes);
  for (size_t i = 0; i < indexes; ++i) {
    manifest.indexes.push_back(ReadIndex(in, manifest.index_streams[i]));
  }
  return manifest;
}

// Everything a reader computes addresses from must be consistent before anyone uses it.
class Validator {
 public:
  Validator(const Manifest& manifest, const ByteReader& in) : manifest_(manifest), in_(in) {}

  void Check() const {
    if (manifest_.rows == 0 || manifest_.granule_rows == 0) in_.ThrowCorrupted("a part of no rows");
    constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
    // Row numbers are 32 bits wide in readers and indexes.
    if (manifest_.rows > kMost || manifest_.granule_rows > kMost)
      in_.ThrowCorrupted("too many rows");
    for (const Manifest::File& file : manifest_.files) {
      if (file.name.empty() || file.name.find('/') != std::string::npos || file.name[0] == '.') {
        in_.ThrowCorrupted("a file name that leaves the part");
      }
    }
    for (const ManifestColumn& column : manifest_.columns) CheckColumn(column);
    CheckStream(manifest_.primary_key_rows);
    for (size_t i = 0; i < manifest_.indexes.size(); ++i) CheckIndex(i);
  }

 private:
  void CheckStream(const StreamLocation& stream) const {
    if (stream.file > manifest_.files.size()) in_.ThrowCorrupted("a stream in a file not listed");
    const uint64_t file_bytes =
        stream.file == 0 ? manifest_.stream_bytes : manifest_.files[stream.file - 1].bytes;
    if (stream.offset % kStreamAlignment != 0 || !Fits(stream.offset, stream.bytes, file_bytes)) {
      in_.ThrowCorrupted("a stream reaches beyond its file");
    }
  }

  void CheckColumn(const ManifestColumn& column) const {
    CheckStream(column.data);
    CheckStream(column.places);
    if (!column.has_vectors()) return;
    const bool may_lack = column.layout == ColumnLayout::kPresentVectors;
    if (!column.type.is_float_array() || (column.dimensions == 0 && !may_lack)) {
      in_.ThrowCorrupted("a vector column of another type");
    }
    const std::optional<uint64_t> vectors = CountVectors(column);
    if (!vectors || (may_lack ? *vectors > manifest_.rows : *vectors != manifest_.rows)) {
      in_.ThrowCorrupted("a vector column of a size that does not match its rows");
    }
  }

  // Nothing if the data is no whole number of vectors.
  static std::optional<uint64_t> CountVectors(const ManifestColumn& column) {
    if (column.data.bytes == 0) return 0;
    const uint64_t element_bytes = column.type.element().fixed_bytes();
    if (column.dimensions == 0 || column.dimensions > column.data.bytes / element_bytes ||
        column.data.bytes % (column.dimensions * element_bytes) != 0) {
      return std::nullopt;
    }
    return column.data.bytes / (column.dimensions * element_bytes);
  }

  void CheckIndex(size_t number) const {
    const StreamLocation& stream = manifest_.index_streams[number];
    CheckStream(stream);
    const size_t granules =
        RoundUp(manifest_.rows, manifest_.granule_rows) / manifest_.granule_rows;
    size_t next_granule = 0;
    for (const PartIndexBlock& block : manifest_.indexes[number].blocks) {
      const uint64_t first_row = block.granules.begin * manifest_.granule_rows;
      const uint64_t end_row =
          std::min(manifest_.rows, block.granules.end * manifest_.granule_rows);
      if (block.granules.begin != next_granule || block.granules.end <= block.granules.begin ||
          block.granules.end > granules || block.first_row != first_row ||
          block.rows != end_row - first_row || block.payload_offset % kStreamAlignment != 0 ||
          !Fits(block.payload_offset, block.payload_bytes, stream.bytes) ||
          !Fits(block.header_offset, block.header_bytes, stream.bytes)) {
        in_.ThrowCorrupted("an index block that does not fit its part");
      }
      next_granule = block.granules.end;
    }
    if (next_granule != granules) in_.ThrowCorrupted("an index that does not cover its part");
  }

  static bool Fits(uint64_t offset, uint64_t bytes, uint64_t size) {
    return offset <= size && bytes <= size - offset;
  }

  const Manifest& manifest_;
  const ByteReader& in_;
};

}  // namespace

void WritePartName(const PartName& name, ByteWriter& out) {
  out.WriteString(name.partition_id);
  out.WriteVarint(name.min_block);
  out.WriteVarint(name.max_block);
  out.WriteVarint(name.level);
  out.WriteVarint(name.version);
}

PartName ReadPartName(ByteReader& in) {
  PartName name;
  name.partition_id = in.ReadString();
  name.min_block = in.ReadVarint();
  name.max_block = in.ReadVarint();
  const uint64_t level = in.ReadVarint();
  const uint64_t version = in.ReadVarint();
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  if (level > kMost || version > kMost || name.partition_id.find('/') != std::string::npos ||
      name.partition_id.empty()) {
    in.ThrowCorrupted("a part name that cannot be");
  }
  name.level = static_cast<uint32_t>(level);
  name.version = static_cast<uint32_t>(version);
  return name;
}

std::vector<std::byte> EncodeManifest(const Manifest& manifest) {
  ByteWriter body;
  WriteBody(manifest, body);
  ByteWriter header;
  header.Write<uint32_t>(kManifestMagic);
  header.Write<uint16_t>(manifest.owner ? kPartFormatVersion : kPartFormatWithoutOwner);
  header.Write<uint16_t>(0);
  header.Write<uint64_t>(body.size());
  header.Write<uint64_t>(RoundUp(kHeaderBytes + body.size(), kStreamAlignment) +
                         manifest.stream_bytes);
  header.Append(body.bytes());
  ByteWriter file;
  file.Write<uint64_t>(Checksum(header.bytes(), 0));
  file.Append(header.bytes());
  file.AlignTo(kStreamAlignment);
  return file.Take();
}

DecodedManifest DecodeManifest(std::span<const std::byte> file, uint64_t file_bytes,
                               std::string_view what) {
  ByteReader header(file, what);
  const auto checksum = header.Read<uint64_t>();
  if (header.Read<uint32_t>() != kManifestMagic)
    header.ThrowCorrupted("not the manifest of a part");
  const auto version = header.Read<uint16_t>();
  header.Read<uint16_t>();
  const auto body_bytes = header.Read<uint64_t>();
  const auto expected_bytes = header.Read<uint64_t>();
  const auto body = header.ReadBytes(body_bytes);
  const auto covered = file.subspan(kChecksumBytes, kHeaderBytes - kChecksumBytes + body_bytes);
  if (Checksum(covered, 0) != checksum) header.ThrowCorrupted("its checksum does not match");
  // Only now: a damaged version is no newer one.
  if (version < kPartFormatWithoutOwner || version > kPartFormatVersion) {
    throw Error(ErrorCode::kUnknownFormatVersion,
                fmt::format("{} has format version {}; this build of Granary reads versions {} to "
                            "{}",
                            what, version, kPartFormatWithoutOwner, kPartFormatVersion));
  }
  if (expected_bytes != file_bytes) {
    header.ThrowCorrupted(
        fmt::format("the file has {} bytes instead of {}", file_bytes, expected_bytes));
  }
  DecodedManifest decoded;
  decoded.streams_offset = RoundUp(kHeaderBytes + body_bytes, kStreamAlignment);
  if (decoded.streams_offset > file_bytes) header.ThrowCorrupted("the file ends early");
  ByteReader in(body, what);
  decoded.manifest = ReadBody(version, in);
  in.ExpectEnd();
  decoded.manifest.stream_bytes = file_bytes - decoded.streams_offset;
  Validator(decoded.manifest, in).Check();
  return decoded;
}

}  // namespace granary
