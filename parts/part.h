// A part: some sorted rows of one partition of a table in one immutable directory (FORMAT.md).
//
// Part is the metadata, read once at open, and what all readers of a part share: memory maps, the
// bits of verified pages, marks, opened sub-indexes. The rows are read through PartReader
// (part_reader.h). A Part is immutable to its users and used from any thread; whoever holds a
// PartPtr keeps the files, even after a merge has taken the part out of the visible set.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/parts/file_system.h"
#include "granary/parts/present_rows.h"
#include "granary/parts/storage_caches.h"
#include "granary/skipindex/skip_index.h"
#include "granary/table/column.h"
#include "granary/table/predicate.h"
#include "granary/table/task_context.h"
#include "granary/table/value.h"
#include "granary/table/vector_rows.h"

namespace granary {

// partition_minblock_maxblock_level[_version]. An INSERT makes parts of level 0 with one new block
// number; a merge spans the block numbers of its inputs and is one level above the highest.
struct PartName {
  std::string partition_id;  // "all" without a partition key
  uint64_t min_block = 0;
  uint64_t max_block = 0;
  uint32_t level = 0;
  uint32_t version = 0;  // 0 is not shown; tells rewrites of the same blocks and level apart

  std::string text() const;
  friend bool operator==(const PartName&, const PartName&) = default;
};

// Granules [begin, end) of a part.
struct GranuleRange {
  size_t begin = 0;
  size_t end = 0;

  size_t size() const { return end - begin; }
  friend bool operator==(const GranuleRange&, const GranuleRange&) = default;
};

// A declared index together with what its kind made of the declaration.
struct DeclaredIndex {
  IndexDeclaration declaration;
  std::shared_ptr<const SkipIndex> index;

  // What parts remember: declaration.text and the inferred dimensions, if any.
  std::string identity() const;
  // Whether identity() is `text`; allocates nothing.
  bool HasIdentity(std::string_view text) const;
};

// A column of a part, as system tables show it.
struct PartColumnInfo {
  std::string name;
  DataType type;
  uint64_t raw_bytes = 0;     // in memory
  uint64_t stored_bytes = 0;  // on disk
  // Elements per vector if the column is stored with a fixed stride.
  std::optional<size_t> dimensions;
};

// One index block of a part and where its sub-index lies.
struct PartIndexBlock {
  GranuleRange granules;
  uint64_t first_row = 0;
  uint64_t rows = 0;
  uint64_t payload_offset = 0;  // in the file of the index, a multiple of 64
  uint64_t payload_bytes = 0;
  uint64_t header_offset = 0;
  uint64_t header_bytes = 0;
};

// The sub-indexes that a part has of one declared index: its blocks, in order, cover all granules.
struct PartIndex {
  std::string name;
  std::string kind;
  std::string identity;
  uint64_t stored_bytes = 0;
  std::vector<PartIndexBlock> blocks;
};

// A float-array column with fixed stride: vectors by pointer, straight from the memory map. Valid
// as long as the Part. Thread-safe.
class StoredVectors {
 public:
  virtual ~StoredVectors() = default;
  // One for each row of the part, or for each that present() has.
  virtual const VectorRows& rows() const = 0;
  // Must be called before rows() are touched: brings them into memory and verifies the checksums of
  // the 64 KiB pages they lie in, each page once in the life of the Part; later calls cost a bit
  // test per page. Throws CORRUPTED_DATA or CANNOT_READ_FROM_FILE_DESCRIPTOR with part, file and
  // offset.
  virtual void VerifyRows(uint64_t first_vector, uint64_t count) const = 0;
  // Null if all rows of the part have a vector.
  virtual const PresentRows* present() const = 0;

  // The number of the first vector at or behind a row.
  uint64_t VectorOf(uint64_t row) const {
    return present() == nullptr ? row : present()->VectorOf(row);
  }
  // The vectors of rows [first_row, first_row + count).
  uint64_t CountVectors(uint64_t first_row, uint64_t count) const {
    return VectorOf(first_row + count) - VectorOf(first_row);
  }
};

class Part {
 public:
  virtual ~Part() = default;

  const PartName& name() const { return name_; }
  // name().text(), made once.
  const std::string& name_text() const { return name_text_; }
  uint64_t rows() const { return rows_; }
  // Rows per granule; the last granule may have fewer.
  size_t granule_rows() const { return granule_rows_; }
  size_t granule_count() const { return (rows_ + granule_rows_ - 1) / granule_rows_; }
  uint64_t FirstRow(size_t granule) const { return granule * uint64_t{granule_rows_}; }
  size_t RowsIn(GranuleRange granules) const;
  GranuleRange all_granules() const { return {0, granule_count()}; }

  uint64_t raw_bytes() const { return raw_bytes_; }
  uint64_t stored_bytes() const { return stored_bytes_; }
  bool is_compact() const { return is_compact_; }
  std::chrono::system_clock::time_point created() const { return created_; }
  const std::vector<PartColumnInfo>& columns() const { return columns_; }
  const PartColumnInfo* FindColumn(std::string_view name) const;

  // The values of the partition key expressions, in order.
  const std::vector<Value>& partition() const { return partition_; }
  // Extremes over the part of each column that the partition key reads, by column name.
  struct ColumnRange {
    std::string column;
    ValueRange range;
  };
  const std::vector<ColumnRange>& column_ranges() const { return column_ranges_; }

  // The primary key expressions at the first row of each granule and at the last row of the part:
  // one column each with granule_count() + 1 rows. Loaded at the first call.
  virtual const std::vector<ColumnPtr>& PrimaryKey() const = 0;

  // nullptr if the column is not stored with a fixed stride. Mapped at the first call.
  virtual const StoredVectors* Vectors(std::string_view column) const = 0;

  const std::vector<PartIndex>& indexes() const { return indexes_; }
  // nullptr if the part has no sub-indexes of this declaration (it is older, or they were cleared).
  const PartIndex* FindIndex(const DeclaredIndex& index) const;
  // Whether the sub-indexes of this declaration, or one of them, have been found damaged, when the
  // part was opened or since: whatever happens to the file of an index costs no rows. They are not
  // used, and the next rewrite of the part builds them again. Cheap.
  virtual bool IsIndexDamaged(const DeclaredIndex& index) const = 0;
  // Whether MATERIALIZE INDEX has something to do: there are none, or damaged ones.
  bool LacksIndex(const DeclaredIndex& index) const {
    return FindIndex(index) == nullptr || IsIndexDamaged(index);
  }
  // Opens (or finds opened) a sub-index. Advisory: nullptr if the sub-index is damaged, with one
  // warning per part and index; the caller then reads the rows. Exceptions of cancellation and
  // memory limit pass, and those of damaged vectors, without which there is nothing to search.
  virtual std::shared_ptr<const SubIndex> OpenSubIndex(const DeclaredIndex& index, size_t block,
                                                       const TaskContext& context) const = 0;

  // True if every byte of an opened sub-index has been verified (by OpenSubIndex itself if it is
  // small, else by Warm): results may then depend on it. Cheap.
  virtual bool IsSubIndexVerified(const DeclaredIndex& index, size_t block) const = 0;

  // Verifies every byte of the part, sub-indexes included. One message per damaged file or
  // sub-index, each naming file and offset; empty if all is well. Reads everything: for CHECK
  // TABLE. Indexes found damaged are not used from then on.
  virtual std::vector<std::string> Check(const TaskContext& context) const = 0;

  // Brings the files of the columns (unless `only_indexes`) and of the indexes into the memory of
  // the system, and verifies the pages of vectors and sub-indexes. Damaged vectors throw
  // CORRUPTED_DATA; a damaged index is not used from then on, with one warning.
  virtual void Warm(bool only_indexes, const TaskContext& context) const = 0;

 protected:
  PartName name_;
  std::string name_text_;
  uint64_t rows_ = 0;
  size_t granule_rows_ = 1;
  uint64_t raw_bytes_ = 0;
  uint64_t stored_bytes_ = 0;
  bool is_compact_ = false;
  std::chrono::system_clock::time_point created_;
  std::vector<PartColumnInfo> columns_;
  std::vector<Value> partition_;
  std::vector<ColumnRange> column_ranges_;
  std::vector<PartIndex> indexes_;
};
using PartPtr = std::shared_ptr<const Part>;

}  // namespace granary
