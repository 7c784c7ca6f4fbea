// The rows of a table that are alive and pass a condition, in pieces of a few granules that many
// threads read at once. The columns of the condition are read first and the others only where rows
// remain.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/query/plan/block_stream.h"
#include "granary/query/read/row_filter.h"
#include "granary/query/read/scan_pieces.h"
#include "granary/query/search/distance_range.h"

namespace granary {

// Immutable; used from any thread.
class TablePieces final : public PieceReader {
 public:
  // A column that tells where a row lies: the part's position in the selection and the row of the
  // part (PartOf, RowOf), in the order of the stream. Not what a column of a table is called.
  static constexpr const char* kPlace = "#place";
  static size_t PartOf(uint64_t place) { return place >> 32; }
  static uint32_t RowOf(uint64_t place) { return static_cast<uint32_t>(place); }

  // Blocks have the named columns in order; kPlace may be one of them. A null condition passes all
  // rows, a null range leaves out none.
  TablePieces(GranuleSelection selection, std::vector<std::string> columns,
              CompiledExpressionPtr condition, std::shared_ptr<const RangeRows> range,
              size_t rows_per_piece, const TaskContext* task);

  size_t count() const override { return pieces_.size(); }
  Block Read(size_t index) const override;

  const GranuleSelection& selection() const { return selection_; }
  const std::vector<ScanPiece>& pieces() const { return pieces_; }

 private:
  // All rows of the granules, with their places if these are wanted.
  Block ReadColumns(size_t part, const std::vector<std::string>& columns,
                    GranuleRange granules) const;
  Block ReadLive(size_t part, GranuleRange granules) const;
  // Of these rows, those that are alive and pass the condition.
  Block ReadAmong(size_t part, std::vector<uint32_t>& rows) const;
  Block ReadFiltered(size_t part, GranuleRange granules, size_t live) const;
  // The columns that the condition does not read, of the rows that passed it.
  Block ReadRest(const PartPtr& part, GranuleRange granules, std::span<const uint8_t> mask,
                 size_t kept) const;

  const GranuleSelection selection_;
  const std::vector<ScanPiece> pieces_;
  const std::vector<std::string> columns_;
  const CompiledExpressionPtr condition_;
  const std::shared_ptr<const RangeRows> range_;
  const TaskContext* task_;
  const bool has_places_;
  std::vector<std::string> stored_;  // columns_ without kPlace
  std::vector<std::string> rest_;    // of stored_, what the condition does not read
};

}  // namespace granary
