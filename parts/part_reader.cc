#include "granary/parts/part_reader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <boost/container/small_vector.hpp>
#include <fmt/format.h>

#include "granary/parts/column_codec.h"
#include "granary/parts/stored_part.h"

namespace granary {
namespace {

// A column of a part that is read as a whole and kept has at most one part in so many of the cache.
constexpr size_t kShareOfCache = 4;

constexpr size_t kNanosecondsPerComparison = 4;
constexpr size_t kNanosecondsPerLookUp = 64;

// Of the few rows that a search returns.
using RowNumbers = boost::container::small_vector<uint32_t, 32, ChargedAllocator<uint32_t>>;

// Memory that a view of mapped vectors keeps alive: the part with its map.
ColumnPtr MappedElements(const PartPtr& part, const DataType& type, const VectorRows& rows) {
  const size_t count = rows.rows * rows.dimensions;
  return VisitFixedType(type.element().id(), [&]<class T>() -> ColumnPtr {
    return std::make_shared<NumberColumn<T>>(type.element(), part,
                                             reinterpret_cast<const T*>(rows.base), count);
  });
}

// The rows of one column of a part.
class ColumnReader {
 public:
  virtual ~ColumnReader() = default;
  virtual ColumnPtr Read(GranuleRange granules) = 0;
  // Rows in ascending order, each once.
  virtual ColumnPtr Gather(std::span<const uint32_t> rows) = 0;
};

class VectorColumnReader final : public ColumnReader {
 public:
  VectorColumnReader(PartPtr part, const DataType& type, const StoredVectors& vectors)
      : part_(std::move(part)), type_(type), vectors_(vectors) {}

  ColumnPtr Read(GranuleRange granules) override {
    return ReadRows(part_->FirstRow(granules.begin), part_->RowsIn(granules));
  }

  ColumnPtr Gather(std::span<const uint32_t> rows) override {
    const PresentRows* present = vectors_.present();
    if (present == nullptr) {
      return ArrayColumn::Uniform(GatherVectors(rows), vectors_.rows().dimensions, rows.size());
    }
    std::vector<uint32_t> vectors;
    for (const uint32_t row : rows) {
      if (present->Has(row)) vectors.push_back(static_cast<uint32_t>(present->VectorOf(row)));
    }
    return std::make_shared<ArrayColumn>(
        GatherVectors(vectors), EndOffsets(rows.size(), [&](size_t i) { return rows[i]; }));
  }

 private:
  ColumnPtr GatherVectors(std::span<const uint32_t> numbers) const {
    const size_t dimensions = vectors_.rows().dimensions;
    CancelCheck check;
    for (const uint32_t number : numbers) {
      vectors_.VerifyRows(number, 1);
      check.After(1 + dimensions);
    }
    return VisitFixedType(type_.element().id(), [&]<class T>() -> ColumnPtr {
      ChargedVector<T> elements(numbers.size() * dimensions);
      for (size_t i = 0; i < numbers.size(); ++i) {
        const T* vector = reinterpret_cast<const T*>(vectors_.rows().Row(numbers[i]));
        std::copy_n(vector, dimensions, elements.data() + i * dimensions);
        check.After(1 + dimensions);
      }
      return std::make_shared<NumberColumn<T>>(type_.element(), std::move(elements));
    });
  }

  // Of row_of(0), row_of(1), ...
  template <class RowOf>
  ChargedVector<uint64_t> EndOffsets(size_t rows, RowOf row_of) const {
    ChargedVector<uint64_t> offsets(rows);
    uint64_t end = 0;
    for (size_t i = 0; i < rows; ++i) {
      offsets[i] = end += vectors_.present()->Has(row_of(i)) ? vectors_.rows().dimensions : 0;
    }
    return offsets;
  }

  ColumnPtr ReadRows(uint64_t first_row, size_t rows) {
    const uint64_t first = vectors_.VectorOf(first_row);
    const uint64_t count = vectors_.CountVectors(first_row, rows);
    vectors_.VerifyRows(first, count);
    const VectorRows view = vectors_.rows().Slice(first, count);
    ColumnPtr elements = MappedElements(part_, type_, view);
    if (vectors_.present() == nullptr) {
      return ArrayColumn::Uniform(std::move(elements), view.dimensions, rows);
    }
    return std::make_shared<ArrayColumn>(std::move(elements),
                                         EndOffsets(rows, [&](size_t i) { return first_row + i; }));
  }

  const PartPtr part_;
  const DataType type_;
  const StoredVectors& vectors_;
};

class FrameColumnReader final : public ColumnReader {
 public:
  FrameColumnReader(std::shared_ptr<const StoredPart> part, size_t number, bool keeps_frames)
      : part_(std::move(part)),
        number_(number),
        keeps_frames_(keeps_frames),
        column_(part_->manifest().columns[number]) {}

  ColumnPtr Read(GranuleRange granules) override {
    std::vector<ColumnPtr> pieces;
    for (size_t granule = granules.begin; granule < granules.end; ++granule) {
      if (!IsCurrent(granule)) {
        SetCurrent(granule, keeps_frames_ ? CachedFrame(granule) : ReadFrame(granule));
      }
      pieces.push_back(Decode(granule, current_));
    }
    return pieces.size() == 1 ? pieces.front() : Concatenate(column_.type, pieces);
  }

  ColumnPtr Gather(std::span<const uint32_t> rows) override {
    if (column_.type.fixed_bytes() > 0) {
      return VisitFixedType(column_.type.id(), [&]<class T>() { return GatherNumbers<T>(rows); });
    }
    std::vector<ColumnPtr> pieces;
    std::vector<uint32_t> rows_in_granule;
    for (size_t i = 0; i < rows.size();) {
      CheckTaskCancelled();
      const size_t granule = rows[i] / part_->granule_rows();
      const uint64_t end = part_->FirstRow(granule + 1);
      rows_in_granule.clear();
      for (; i < rows.size() && rows[i] < end; ++i) {
        rows_in_granule.push_back(static_cast<uint32_t>(rows[i] - part_->FirstRow(granule)));
      }
      pieces.push_back(DecodeSome(granule, *CachedFrame(granule), rows_in_granule));
    }
    return pieces.size() == 1 ? pieces.front() : Concatenate(column_.type, pieces);
  }

 private:
  // Whether the granule lies in the frame that was read last.
  bool IsCurrent(size_t granule) const {
    return current_ != nullptr && part_->Marks(number_)[granule].frame_offset == current_offset_;
  }

  void SetCurrent(size_t granule, FramePtr frame) {
    current_ = std::move(frame);
    current_offset_ = part_->Marks(number_)[granule].frame_offset;
  }

  FramePtr ReadFrame(size_t granule) {
    if (!file_) file_ = part_->OpenFile(column_.data);
    const uint64_t offset = part_->Marks(number_)[granule].frame_offset;
    return part_->ReadFrame(*file_, column_.data, offset,
                            part_->FrameEnd(number_, granule) - offset);
  }

  FramePtr CachedFrame(size_t granule) {
    const uint64_t offset = part_->Marks(number_)[granule].frame_offset;
    const CacheKey key{part_->id(), (uint64_t{number_} << 48) | offset};
    return part_->directory().table().caches().impl().frames.FindOrLoad(key, [&] {
      const TaskScope kept_for_all(nullptr);  // the cache is charged with what it keeps
      FramePtr frame = ReadFrame(granule);
      const size_t bytes = frame->raw.size();
      return std::pair(std::move(frame), bytes);
    });
  }

  ColumnPtr Decode(size_t granule, const FramePtr& frame) const {
    ByteReader in = ReaderOf(granule, *frame);
    return DecodeRows(column_.type, part_->RowsIn({granule, granule + 1}), frame, in);
  }

  ColumnPtr DecodeSome(size_t granule, const Frame& frame, std::span<const uint32_t> rows) const {
    ByteReader in = ReaderOf(granule, frame);
    return DecodeSomeRows(column_.type, part_->RowsIn({granule, granule + 1}), rows, in);
  }

  // Straight from the frames, in which numbers lie as they are.
  template <class T>
  ColumnPtr GatherNumbers(std::span<const uint32_t> rows) {
    const auto owner = MakeChargedArray<T>(rows.size());
    T* const values = owner.get();
    for (size_t i = 0; i < rows.size();) {
      CheckTaskCancelled();
      const size_t granule = rows[i] / part_->granule_rows();
      const uint64_t first = part_->FirstRow(granule);
      if (!IsCurrent(granule)) SetCurrent(granule, CachedFrame(granule));
      const std::span<const std::byte> bytes = BytesOf(granule, *current_);
      const size_t count = part_->RowsIn({granule, granule + 1});
      if (bytes.size() / sizeof(T) < count || !IsAlignedFor<T>(bytes.data())) {
        part_->ThrowDamaged(column_.places, 0, "a mark that points to fewer values than rows");
      }
      const T* const numbers = reinterpret_cast<const T*>(bytes.data());
      for (; i < rows.size() && rows[i] < first + count; ++i) values[i] = numbers[rows[i] - first];
    }
    return std::make_shared<NumberColumn<T>>(
        column_.type, std::shared_ptr<const void>(owner, values), values, rows.size());
  }

  template <class T>
  static bool IsAlignedFor(const void* address) {
    return reinterpret_cast<uintptr_t>(address) % alignof(T) == 0;
  }

  ByteReader ReaderOf(size_t granule, const Frame& frame) const {
    return ByteReader(BytesOf(granule, frame), "granule " + std::to_string(granule) +
                                                   " of column " + column_.name + " of part " +
                                                   part_->name_text());
  }

  // From the beginning of the granule to the end of its frame.
  std::span<const std::byte> BytesOf(size_t granule, const Frame& frame) const {
    const Mark& mark = part_->Marks(number_)[granule];
    if (mark.raw_offset > frame.raw.size()) {
      part_->ThrowDamaged(column_.places, 0, "a mark that points beyond its frame");
    }
    return frame.raw.subspan(mark.raw_offset);
  }

  const std::shared_ptr<const StoredPart> part_;
  const size_t number_;
  const bool keeps_frames_;
  const ManifestColumn& column_;
  std::unique_ptr<ReadableFile> file_;
  FramePtr current_;
  uint64_t current_offset_ = 0;
};

std::unique_ptr<ColumnReader> MakeReader(const std::shared_ptr<const StoredPart>& part,
                                         const std::string& name, bool keeps_frames) {
  const auto& columns = part->manifest().columns;
  const auto found =
      std::find_if(columns.begin(), columns.end(),
                   [&](const ManifestColumn& column) { return column.name == name; });
  if (found == columns.end()) {
    throw Error(ErrorCode::kNoSuchColumnInTable,
                fmt::format("Part {} has no column {}", part->name_text(), name));
  }
  if (const StoredVectors* vectors = part->Vectors(name)) {
    return std::make_unique<VectorColumnReader>(part, found->type, *vectors);
  }
  const auto number = static_cast<size_t>(found - columns.begin());
  const size_t room = part->directory().table().caches().impl().frames.limit();
  keeps_frames = keeps_frames && part->columns()[number].raw_bytes <= room / kShareOfCache;
  return std::make_unique<FrameColumnReader>(part, number, keeps_frames);
}

}  // namespace

class PartReader::Impl {
 public:
  Impl(PartPtr part, std::vector<std::string> columns, const TaskContext& context,
       bool keeps_frames)
      : part_(std::static_pointer_cast<const StoredPart>(std::move(part))),
        names_(std::move(columns)),
        context_(context) {
    readers_.reserve(names_.size());
    for (const std::string& name : names_) {
      readers_.push_back(MakeReader(part_, name, keeps_frames));
    }
  }

  const Part& part() const { return *part_; }

  Block Read(GranuleRange granules) {
    if (names_.empty()) return Block(part_->RowsIn(granules));
    return ReadColumns([&](ColumnReader& reader) { return reader.Read(granules); });
  }

  Block Gather(std::span<const uint32_t> rows) {
    if (names_.empty()) return Block(rows.size());
    RowNumbers ascending(rows.begin(), rows.end());
    CancelCheck check;
    std::sort(ascending.begin(), ascending.end(), [&check](uint32_t a, uint32_t b) {
      check.After(kNanosecondsPerComparison);
      return a < b;
    });
    ascending.erase(std::unique(ascending.begin(), ascending.end()), ascending.end());
    const std::span<const uint32_t> wanted(ascending.data(), ascending.size());
    Block block = ReadColumns([&](ColumnReader& reader) { return reader.Gather(wanted); });
    if (std::equal(rows.begin(), rows.end(), ascending.begin(), ascending.end())) return block;
    RowNumbers order(rows.size());
    std::transform(rows.begin(), rows.end(), order.begin(), [&](uint32_t row) {
      const auto found = std::lower_bound(ascending.begin(), ascending.end(), row);
      check.After(kNanosecondsPerLookUp);
      return static_cast<uint32_t>(found - ascending.begin());
    });
    return block.Gather({order.data(), order.size()});
  }

 private:
  template <class ReadOne>
  Block ReadColumns(ReadOne&& read) {
    std::vector<NamedColumn> columns;
    columns.reserve(names_.size());
    for (size_t i = 0; i < names_.size(); ++i) {
      context_.CheckCancelled();
      columns.push_back({names_[i], read(*readers_[i])});
    }
    return Block(std::move(columns));
  }

  const std::shared_ptr<const StoredPart> part_;
  const std::vector<std::string> names_;
  const TaskContext& context_;
  std::vector<std::unique_ptr<ColumnReader>> readers_;
};

PartReader::PartReader(PartPtr part, std::vector<std::string> columns, const TaskContext& context,
                       bool keeps_frames)
    : impl_(std::make_unique<Impl>(std::move(part), std::move(columns), context, keeps_frames)) {}
PartReader::~PartReader() = default;
const Part& PartReader::part() const { return impl_->part(); }
Block PartReader::Read(GranuleRange granules) { return impl_->Read(granules); }
Block PartReader::Gather(std::span<const uint32_t> rows) { return impl_->Gather(rows); }

}  // namespace granary
