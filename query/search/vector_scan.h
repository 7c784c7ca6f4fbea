// The exact nearest rows among many, measured on all threads: a piece of the rows is compared with
// all queries while it is in the cache. Where a verified sub-index bounds the distances by its
// codes, only the vectors of rows that may be near enough are read; the result is the same to the
// bit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "granary/query/read/granule_filter.h"
#include "granary/query/search/nearest_rows.h"
#include "granary/table/row_bitmap.h"

namespace granary {

// The distance of a query's farthest result so far, as all threads together know it.
class SharedLimit;
class CodedQuery;

// Granules of one part to measure.
struct VectorScanRange {
  uint32_t part = 0;  // in the selection
  GranuleRange granules;
  const RowBitmap* matching = nullptr;  // rows of the part to measure; null: all
  // Gives bounds of the rows from block_first_row on; null: every row is measured.
  std::shared_ptr<const SubIndex> sub_index;
  uint64_t block_first_row = 0;

  // Rows to look at.
  size_t CountRows(const Part& of) const;
  // Whether both have the same rows.
  bool SameRows(const VectorScanRange& other) const {
    return part == other.part && granules == other.granules;
  }
};

class VectorScan {
 public:
  // Both outlive the scan.
  VectorScan(const GranuleSelection* selection, const TaskContext* task)
      : selection_(selection), task_(task) {}

  // The rows are to be compared with query number `query`. Those of a range that is added for
  // several queries are read once.
  void Add(const VectorScanRange& range, uint32_t query = 0);
  bool empty() const { return works_.empty(); }
  std::vector<VectorScanRange> ranges() const;

  // Offers the rows of all ranges to nearest[i] for queries[i], whose limits are all the same.
  void Run(std::span<const DistanceQuery> queries, std::span<NearestRows> nearest) const;

 private:
  // A range, or a piece of one, and the queries it is compared with.
  struct Work {
    VectorScanRange range;
    std::vector<uint32_t> queries;
  };

  std::vector<Work> Pieces() const;
  void ScanPiece(const Work& work, std::span<const DistanceQuery> queries,
                 std::span<const CodedQuery> coded, std::span<SharedLimit> limits,
                 std::span<NearestRows> nearest) const;

  const GranuleSelection* selection_;
  const TaskContext* task_;
  std::vector<Work> works_;
};

}  // namespace granary
