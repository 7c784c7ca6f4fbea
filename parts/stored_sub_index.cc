// How a StoredPart opens its sub-indexes, and how it checks and warms everything.
#include <algorithm>

#include <fmt/format.h>

#include "granary/parts/column_codec.h"
#include "granary/parts/format.h"
#include "granary/parts/stored_part.h"
#include "granary/parts/sub_index_frame.h"
#include "granary/parts/vector_column.h"

namespace granary {
namespace {

// Sub-indexes up to this size are verified when they are opened. Larger ones too if rows depend on
// them: a damaged pruner would lose rows, a damaged graph only recall.
constexpr uint64_t kVerifiedAtOpenBytes = uint64_t{1} << 20;

bool MustPass(const Error& error) {
  return error.code() == ErrorCode::kQueryWasCancelled ||
         error.code() == ErrorCode::kTimeoutExceeded ||
         error.code() == ErrorCode::kMemoryLimitExceeded;
}

// Checks for cancellation every few megabytes.
void PopulateInSteps(const FileMap& map, uint64_t offset, uint64_t bytes,
                     const TaskContext& context) {
  constexpr uint64_t kStepBytes = uint64_t{4} << 20;
  for (uint64_t done = 0; done < bytes; done += kStepBytes) {
    context.CheckCancelled();
    map.Populate(offset + done, std::min(kStepBytes, bytes - done));
  }
}

}  // namespace

std::vector<uint64_t> StoredPart::ReadSubIndexHeader(std::span<const std::byte> stream,
                                                     size_t number, size_t block) const {
  const PartIndex& index = indexes_[number];
  const PartIndexBlock& place = index.blocks[block];
  const StreamLocation& location = manifest_.index_streams[number];
  const std::string what = Describe(location, place.header_offset);
  const FramePtr frame =
      DecodeFrame(nullptr, stream.subspan(place.header_offset, place.header_bytes),
                  location.seed + place.header_offset, what);
  SubIndexHeader header = DecodeSubIndexHeader(frame->raw, what);
  if (header.kind != index.kind || header.identity != index.identity ||
      header.first_row != place.first_row || header.rows != place.rows ||
      header.payload_bytes != place.payload_bytes ||
      header.page_checksums.size() != PageCount(place.payload_bytes)) {
    ThrowDamaged(location, place.header_offset, "the header of another sub-index");
  }
  return std::move(header.page_checksums);
}

std::span<const std::byte> StoredPart::VerifiedPayload(const DeclaredIndex& index, size_t number,
                                                       size_t block,
                                                       std::shared_ptr<const FileMap>& map) const {
  const StreamLocation& location = manifest_.index_streams[number];
  const PartIndexBlock& place = indexes_[number].blocks[block];
  map = MapFile(location);
  const std::span<const std::byte> stream = StreamBytes(*map, location);
  map->Populate(FileOffset(location) + place.header_offset, place.header_bytes);
  const std::vector<uint64_t> sums = ReadSubIndexHeader(stream, number, block);
  const std::span<const std::byte> payload =
      stream.subspan(place.payload_offset, place.payload_bytes);
  if (index.index->vector_search() != nullptr && payload.size() > kVerifiedAtOpenBytes) {
    HandOverUnverified();
    return payload;
  }
  map->Populate(FileOffset(location) + place.payload_offset, payload.size());
  const size_t damaged =
      FirstDamagedPage(payload, sums, location.seed + place.payload_offset, 0, sums.size());
  if (damaged != sums.size()) {
    ThrowDamaged(location, place.payload_offset + damaged * kChecksumPageBytes,
                 "the checksum of a page does not match");
  }
  return payload;
}

std::pair<std::shared_ptr<const OpenedSubIndex>, size_t> StoredPart::LoadSubIndex(
    const DeclaredIndex& index, size_t number, size_t block, const TaskContext& context) const {
  auto opened = std::make_shared<OpenedSubIndex>();
  const PartIndexBlock& place = indexes_[number].blocks[block];
  SubIndexInput input{.rows = place.rows, .vectors = nullptr, .context = &context};
  const VectorSearchAbility* search = index.index->vector_search();
  const auto* column =
      search == nullptr ? nullptr : static_cast<const VectorColumn*>(Vectors(search->column));
  if (column != nullptr) opened->vector_map = column->map();
  std::span<const std::byte> payload;
  try {
    payload = VerifiedPayload(index, number, block, opened->index_map);
  } catch (const Error& error) {
    if (MustPass(error)) throw;
    SetDamaged(number, error.message(), context);
    return {opened, opened->weight = opened->heap_bytes()};
  }
  try {
    if (search != nullptr) {
      if (column == nullptr) {
        ThrowDamaged(manifest_.index_streams[number], 0, "a vector index without its vectors");
      }
      input.rows = column->CountVectors(place.first_row, place.rows);
      opened->vectors = column->rows().Slice(column->VectorOf(place.first_row), input.rows);
      input.vectors = &opened->vectors;
    }
    opened->index = index.index;
    opened->sub_index = index.index->Open(payload, input);
  } catch (const Error& error) {
    // Its bytes are what was written: built again, they would be the same.
    if (MustPass(error)) throw;
    WarnOfIndex(number, error.message(), context);
  }
  return {opened, opened->weight = opened->heap_bytes()};
}

void StoredPart::HandOverUnverified() const {
  const auto& listener = directory_->table().caches().impl().on_unverified_index;
  if (listener && !handed_over_.exchange(true)) listener(weak_from_this());
}

void StoredPart::SetDamaged(size_t number, const std::string& problem,
                            const TaskContext& context) const {
  WarnOfIndex(number, problem, context);
  if (damaged_[number].exchange(true)) return;
  const auto& listener = directory_->table().caches().impl().on_damaged_index;
  if (listener) listener();
}

void StoredPart::WarnOfIndex(size_t number, const std::string& problem,
                             const TaskContext& context) const {
  if (warned_[number].exchange(true)) return;
  context.Warn(fmt::format(
      "Index {} of part {} cannot be used, its rows are read instead: {}. The next merge of the "
      "part builds it again, and so does ALTER TABLE ... MATERIALIZE INDEX {}",
      indexes_[number].name, name_text_, problem, indexes_[number].name));
}

void StoredPart::WarnOfLostIndexes(const TaskContext& context) const {
  for (size_t i = 0; i < lost_.size(); ++i) {
    if (!lost_[i].empty()) WarnOfIndex(i, lost_[i], context);
  }
}

bool StoredPart::IsIndexDamaged(const DeclaredIndex& index) const {
  const PartIndex* found = FindIndex(index);
  return found != nullptr &&
         damaged_[static_cast<size_t>(found - indexes_.data())].load(std::memory_order_relaxed);
}

std::shared_ptr<const SubIndex> StoredPart::OpenSubIndex(const DeclaredIndex& index, size_t block,
                                                         const TaskContext& context) const {
  const PartIndex* found = FindIndex(index);
  if (found == nullptr) return nullptr;
  const auto number = static_cast<size_t>(found - indexes_.data());
  if (unusable_[number].load(std::memory_order_relaxed)) return nullptr;
  const CacheKey key{id_, (uint64_t{number} << 40) | block};
  auto& cache = directory_->table().caches().impl().sub_indexes;
  std::shared_ptr<const OpenedSubIndex> opened = cache.FindOrLoad(key, [&] {
    const TaskScope kept_for_all(nullptr);  // the cache is charged with what it keeps
    return LoadSubIndex(index, number, block, context);
  });
  const size_t weight = opened->heap_bytes();
  if (opened->weight.exchange(weight, std::memory_order_relaxed) != weight) {
    cache.Reweigh(key, weight);
  }
  const SubIndex* sub_index = opened->sub_index.get();
  if (sub_index == nullptr) return nullptr;
  return {std::move(opened), sub_index};
}

bool StoredPart::IsSubIndexVerified(const DeclaredIndex& index, size_t block) const {
  const PartIndex* found = FindIndex(index);
  if (found == nullptr) return false;
  const auto number = static_cast<size_t>(found - indexes_.data());
  return found->blocks[block].payload_bytes <= kVerifiedAtOpenBytes ||
         verified_[number].load(std::memory_order_relaxed);
}

void StoredPart::CheckColumn(size_t number, const TaskContext& context) const {
  const ManifestColumn& column = manifest_.columns[number];
  if (column.has_vectors()) {
    const StoredVectors* vectors = Vectors(column.name);
    for (size_t granule = 0; granule < granule_count(); ++granule) {
      context.CheckCancelled();
      const uint64_t first_row = FirstRow(granule);
      vectors->VerifyRows(vectors->VectorOf(first_row),
                          vectors->CountVectors(first_row, RowsIn({granule, granule + 1})));
    }
    return;
  }
  const auto file = OpenFile(column.data);
  const std::vector<Mark>& marks = Marks(number);
  FramePtr frame;
  for (size_t granule = 0; granule < granule_count(); ++granule) {
    context.CheckCancelled();
    const Mark& mark = marks[granule];
    if (granule == 0 || mark.frame_offset != marks[granule - 1].frame_offset) {
      frame = ReadFrame(*file, column.data, mark.frame_offset,
                        FrameEnd(number, granule) - mark.frame_offset);
    }
    const std::string what = Describe(column.data, mark.frame_offset);
    ByteReader in(frame->raw, what);
    in.ReadBytes(mark.raw_offset);
    DecodeRows(column.type, RowsIn({granule, granule + 1}), frame, in);
  }
}

void StoredPart::CheckIndex(size_t number, const TaskContext& context) const {
  if (!lost_[number].empty()) throw Error(ErrorCode::kCorruptedData, lost_[number]);
  const StreamLocation& location = manifest_.index_streams[number];
  const auto map = MapFile(location);
  const std::span<const std::byte> stream = StreamBytes(*map, location);
  PopulateInSteps(*map, FileOffset(location), location.bytes, context);
  for (size_t block = 0; block < indexes_[number].blocks.size(); ++block) {
    const PartIndexBlock& place = indexes_[number].blocks[block];
    const std::vector<uint64_t> sums = ReadSubIndexHeader(stream, number, block);
    const auto payload = stream.subspan(place.payload_offset, place.payload_bytes);
    for (size_t page = 0; page < sums.size(); ++page) {
      if (page % 64 == 0) context.CheckCancelled();
      const uint64_t seed = location.seed + place.payload_offset;
      if (FirstDamagedPage(payload, sums, seed, page, page + 1) == page) {
        ThrowDamaged(location, place.payload_offset + page * kChecksumPageBytes,
                     fmt::format("the checksum of a page of index {} does not match",
                                 indexes_[number].name));
      }
    }
  }
}

void StoredPart::WarmColumn(size_t number, const TaskContext& context) const {
  const ManifestColumn& column = manifest_.columns[number];
  if (column.has_vectors()) return CheckColumn(number, context);
  PopulateInSteps(*MapFile(column.data), FileOffset(column.data), column.data.bytes, context);
}

void StoredPart::Warm(bool only_indexes, const TaskContext& context) const {
  for (size_t i = 0; i < columns_.size() && !only_indexes; ++i) WarmColumn(i, context);
  for (size_t i = 0; i < indexes_.size(); ++i) {
    try {
      CheckIndex(i, context);
      verified_[i].store(true, std::memory_order_relaxed);
    } catch (const Error& error) {
      if (MustPass(error)) throw;
      unusable_[i].store(true, std::memory_order_relaxed);
      SetDamaged(i, error.message(), context);
    }
  }
}

std::vector<std::string> StoredPart::Check(const TaskContext& context) const {
  std::vector<std::string> problems;
  const auto attempt = [&](auto&& check) {
    try {
      check();
    } catch (const Error& error) {
      if (MustPass(error)) throw;
      problems.push_back(error.message());
    }
  };
  // Opened anew, because what was read or verified before may have been damaged since.
  std::shared_ptr<const StoredPart> fresh;
  attempt([&] {
    fresh = Open(std::make_shared<PartDirectory>(directory_->share_table(), name_text_, true));
  });
  if (!fresh) return problems;
  attempt([&] { fresh->PrimaryKey(); });
  for (size_t i = 0; i < columns_.size(); ++i) attempt([&] { fresh->CheckColumn(i, context); });
  for (size_t i = 0; i < indexes_.size(); ++i) {
    const size_t problems_before = problems.size();
    attempt([&] { fresh->CheckIndex(i, context); });
    if (problems.size() == problems_before) continue;
    unusable_[i].store(true, std::memory_order_relaxed);
    SetDamaged(i, problems.back(), context);
  }
  return problems;
}

}  // namespace granary
