#include "granary/parts/stored_part.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "granary/parts/column_codec.h"
#include "granary/parts/format.h"
#include "granary/parts/vector_column.h"

namespace granary {
namespace {

// Enough for the manifest of most parts in one read.
constexpr uint64_t kFirstReadBytes = uint64_t{64} << 10;
constexpr size_t kManifestHeaderBytes = 32;
constexpr size_t kBodySizeOffset = 16;

// The beginning of the manifest's file, at least as long as the manifest itself.
std::vector<std::byte> ReadHead(const ReadableFile& file) {
  std::vector<std::byte> head(std::min(file.size(), kFirstReadBytes));
  file.ReadAt(0, head);
  if (head.size() < kManifestHeaderBytes) return head;
  uint64_t body_bytes;
  std::memcpy(&body_bytes, head.data() + kBodySizeOffset, sizeof(body_bytes));
  if (body_bytes > file.size() - kManifestHeaderBytes) return head;
  const uint64_t read = head.size();
  if (kManifestHeaderBytes + body_bytes <= read) return head;
  head.resize(kManifestHeaderBytes + body_bytes);
  file.ReadAt(read, std::span(head).subspan(read));
  return head;
}

}  // namespace

StoredPart::StoredPart(std::shared_ptr<PartDirectory> directory)
    : directory_(std::move(directory)),
      id_(directory_->table().caches().impl().next_part_id.fetch_add(1)) {}

StoredPart::~StoredPart() {
  StorageCaches::Impl& caches = directory_->table().caches().impl();
  caches.frames.Forget(id_);
  caches.sub_indexes.Forget(id_);
}

std::shared_ptr<const StoredPart> StoredPart::Open(std::shared_ptr<PartDirectory> directory) {
  auto part = std::make_shared<StoredPart>(std::move(directory));
  part->ReadManifest();
  part->FillMetadata();
  return part;
}

void StoredPart::ReadManifest() {
  const std::string path = directory_->FilePath(kManifestFile);
  const auto file = directory_->files().OpenForRead(path);
  const std::vector<std::byte> head = ReadHead(*file);
  DecodedManifest decoded = DecodeManifest(head, file->size(), path);
  std::memcpy(&checksum_, head.data(), sizeof(checksum_));
  manifest_ = std::move(decoded.manifest);
  streams_offset_ = decoded.streams_offset;
  stored_bytes_ = file->size();
  lost_.resize(manifest_.indexes.size());
  for (size_t i = 0; i < manifest_.files.size(); ++i) CheckFile(i + 1);
  if (JoinPath(directory_->table().path(), manifest_.name.text()) != directory_->path()) {
    throw Error(ErrorCode::kCorruptedData,
                fmt::format("{} belongs to another part, {}", path, manifest_.name.text()));
  }
  if (manifest_.owner && *manifest_.owner != directory_->table().owner()) {
    throw Error(ErrorCode::kCorruptedData, fmt::format("{} belongs to a part of another table, {}",
                                                       path, manifest_.owner->table));
  }
}

void StoredPart::CheckFile(size_t number) {
  const Manifest::File& expected = manifest_.files[number - 1];
  stored_bytes_ += expected.bytes;
  try {
    CheckFileSize(expected);
  } catch (const Error& error) {
    if (!HoldsOnlyIndexes(number)) throw;
    for (size_t i = 0; i < lost_.size(); ++i) {
      if (manifest_.index_streams[i].file == number) lost_[i] = error.message();
    }
  }
}

void StoredPart::CheckFileSize(const Manifest::File& expected) const {
  const std::string path = directory_->FilePath(expected.name);
  const uint64_t bytes = directory_->files().Size(path);
  if (bytes == expected.bytes) return;
  throw Error(ErrorCode::kCorruptedData, fmt::format("{} is damaged: it has {} bytes instead of {}",
                                                     path, bytes, expected.bytes));
}

bool StoredPart::HoldsOnlyIndexes(size_t file) const {
  const auto is_in_file = [&](const StreamLocation& stream) { return stream.file == file; };
  const bool holds_rows = is_in_file(manifest_.primary_key_rows) ||
                          std::any_of(manifest_.columns.begin(), manifest_.columns.end(),
                                      [&](const ManifestColumn& column) {
                                        return is_in_file(column.data) || is_in_file(column.places);
                                      });
  return !holds_rows &&
         std::any_of(manifest_.index_streams.begin(), manifest_.index_streams.end(), is_in_file);
}

bool StoredPart::IsUnchanged() const {
  try {
    const auto file = directory_->files().OpenForRead(directory_->FilePath(kManifestFile));
    uint64_t checksum = 0;
    file->ReadAt(0, std::as_writable_bytes(std::span(&checksum, 1)));
    return checksum == checksum_;
  } catch (const Error& error) {
    const bool is_other = error.code() == ErrorCode::kFileDoesntExist ||
                          error.code() == ErrorCode::kCannotReadAllData;
    if (!is_other) throw;
    return false;
  }
}

void StoredPart::FillMetadata() {
  name_ = manifest_.name;
  name_text_ = name_.text();
  rows_ = manifest_.rows;
  granule_rows_ = manifest_.granule_rows;
  raw_bytes_ = manifest_.raw_bytes;
  created_ = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(manifest_.created_ns)));
  partition_ = manifest_.partition;
  column_ranges_ = manifest_.column_ranges;
  indexes_ = manifest_.indexes;
  is_compact_ = manifest_.files.empty();
  for (const ManifestColumn& column : manifest_.columns) {
    PartColumnInfo info{column.name, column.type, column.raw_bytes,
                        column.data.bytes + column.places.bytes, std::nullopt};
    if (column.has_vectors()) info.dimensions = column.dimensions;
    columns_.push_back(std::move(info));
  }
  marks_ = std::make_unique<LoadedOnce<std::vector<Mark>>[]>(columns_.size());
  vectors_ = std::make_unique<LoadedOnce<std::unique_ptr<const VectorColumn>>[]>(columns_.size());
  maps_ =
      std::make_unique<LoadedOnce<std::shared_ptr<const FileMap>>[]>(manifest_.files.size() + 1);
  warned_ = std::make_unique<std::atomic<bool>[]>(indexes_.size());
  damaged_ = std::make_unique<std::atomic<bool>[]>(indexes_.size());
  unusable_ = std::make_unique<std::atomic<bool>[]>(indexes_.size());
  verified_ = std::make_unique<std::atomic<bool>[]>(indexes_.size());
  for (size_t i = 0; i < indexes_.size(); ++i) {
    damaged_[i].store(!lost_[i].empty(), std::memory_order_relaxed);
    unusable_[i].store(!lost_[i].empty(), std::memory_order_relaxed);
  }
}

const std::string& StoredPart::FileName(const StreamLocation& stream) const {
  static const std::string kManifest = kManifestFile;
  return stream.file == 0 ? kManifest : manifest_.files[stream.file - 1].name;
}

uint64_t StoredPart::FileOffset(const StreamLocation& stream) const {
  return stream.offset + (stream.file == 0 ? streams_offset_ : 0);
}

std::string StoredPart::Describe(const StreamLocation& stream, uint64_t offset) const {
  return fmt::format("file {} of part {} at offset {}", directory_->FilePath(FileName(stream)),
                     name_text_, FileOffset(stream) + offset);
}

void StoredPart::ThrowDamaged(const StreamLocation& stream, uint64_t offset,
                              const std::string& problem) const {
  throw Error(ErrorCode::kCorruptedData,
              fmt::format("Damaged {}: {}. CHECK TABLE says what else is damaged",
                          Describe(stream, offset), problem));
}

std::unique_ptr<ReadableFile> StoredPart::OpenFile(const StreamLocation& stream) const {
  return directory_->files().OpenForRead(directory_->FilePath(FileName(stream)));
}

std::shared_ptr<const FileMap> StoredPart::MapFile(const StreamLocation& stream) const {
  return maps_[stream.file].Get([&] {
    const std::string path = directory_->FilePath(FileName(stream));
    auto map = directory_->files().Map(path);
    const uint64_t expected = stream.file == 0 ? streams_offset_ + manifest_.stream_bytes
                                               : manifest_.files[stream.file - 1].bytes;
    if (map->bytes().size() != expected) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} is damaged: it has {} bytes instead of {}", path,
                              map->bytes().size(), expected));
    }
    return map;
  });
}

std::span<const std::byte> StoredPart::StreamBytes(const FileMap& map,
                                                   const StreamLocation& stream) const {
  return map.bytes().subspan(FileOffset(stream), stream.bytes);
}

FramePtr StoredPart::ReadFrame(const ReadableFile& file, const StreamLocation& stream,
                               uint64_t offset, uint64_t bytes) const {
  if (offset > stream.bytes || bytes > stream.bytes - offset) {
    ThrowDamaged(stream, offset, "a frame reaches beyond its stream");
  }
  const std::shared_ptr<std::byte[]> buffer = MakeChargedArray<std::byte>(bytes);
  const std::span<std::byte> contents(buffer.get(), bytes);
  file.ReadAt(FileOffset(stream) + offset, contents);
  return DecodeFrame(buffer, contents, stream.seed + offset, Describe(stream, offset));
}

std::vector<uint64_t> StoredPart::ReadNumbers(const StreamLocation& stream, size_t count) const {
  const FramePtr frame = ReadFrame(*OpenFile(stream), stream, 0, stream.bytes);
  if (frame->raw.size() != count * sizeof(uint64_t)) {
    ThrowDamaged(stream, 0,
                 fmt::format("{} bytes instead of {} numbers", frame->raw.size(), count));
  }
  std::vector<uint64_t> numbers(count);
  std::memcpy(numbers.data(), frame->raw.data(), frame->raw.size());
  return numbers;
}

std::vector<Mark> StoredPart::ReadMarks(size_t column) const {
  const ManifestColumn& described = manifest_.columns[column];
  const std::vector<uint64_t> numbers = ReadNumbers(described.places, 2 * granule_count());
  std::vector<Mark> marks(granule_count());
  for (size_t i = 0; i < marks.size(); ++i) {
    marks[i] = {numbers[2 * i], numbers[2 * i + 1]};
    const bool ascends =
        i == 0 ? marks[i].frame_offset == 0 : marks[i].frame_offset >= marks[i - 1].frame_offset;
    if (!ascends || marks[i].frame_offset >= described.data.bytes) {
      ThrowDamaged(described.places, 0, "marks that do not ascend");
    }
  }
  return marks;
}

const std::vector<Mark>& StoredPart::Marks(size_t column) const {
  return marks_[column].Get([&] { return ReadMarks(column); });
}

uint64_t StoredPart::FrameEnd(size_t column, size_t granule) const {
  const std::vector<Mark>& marks = Marks(column);
  const auto next = std::upper_bound(
      marks.begin() + static_cast<ptrdiff_t>(granule), marks.end(), marks[granule].frame_offset,
      [](uint64_t offset, const Mark& mark) { return offset < mark.frame_offset; });
  return next == marks.end() ? manifest_.columns[column].data.bytes : next->frame_offset;
}

std::vector<ColumnPtr> StoredPart::ReadPrimaryKey() const {
  std::vector<ColumnPtr> columns;
  if (manifest_.primary_key.empty()) return columns;
  const StreamLocation& stream = manifest_.primary_key_rows;
  const FramePtr frame = ReadFrame(*OpenFile(stream), stream, 0, stream.bytes);
  ByteReader in(frame->raw, Describe(stream, 0));
  for (const DataType& type : manifest_.primary_key) {
    columns.push_back(DecodeRows(type, granule_count() + 1, frame, in));
  }
  in.ExpectEnd();
  return columns;
}

const std::vector<ColumnPtr>& StoredPart::PrimaryKey() const {
  return primary_key_.Get([&] {
    const TaskScope kept_for_all(nullptr);
    return ReadPrimaryKey();
  });
}

const StoredVectors* StoredPart::Vectors(std::string_view column) const {
  const auto found =
      std::find_if(manifest_.columns.begin(), manifest_.columns.end(),
                   [&](const ManifestColumn& candidate) { return candidate.name == column; });
  if (found == manifest_.columns.end() || !found->has_vectors()) return nullptr;
  const auto number = static_cast<size_t>(found - manifest_.columns.begin());
  return vectors_[number]
      .Get([&] {
        const bool may_lack = found->layout == ColumnLayout::kPresentVectors;
        const size_t words = may_lack ? (rows_ + 63) / 64 : 0;
        return std::make_unique<const VectorColumn>(
            *this, *found, ReadNumbers(found->places, PageCount(found->data.bytes) + words));
      })
      .get();
}

}  // namespace granary
