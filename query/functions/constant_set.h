// The right side of IN, fixed when the statement is compiled: the values of a literal list or of a
// subquery. Immutable; may be used from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "granary/table/column.h"

namespace granary {

class ConstantSet {
 public:
  // Of the values in `columns`, for a left side of `type`. Values that are not equal to any value
  // of that type are left out. Throws what ConvertExactly (conversion.h) throws.
  ConstantSet(const DataType& type, std::span<const ColumnPtr> columns);

  const DataType& type() const { return values_->type(); }
  // Each value once, ascending.
  const ColumnPtr& values() const { return values_; }
  // One UInt8 per row of `column`, which is of type(): 1 if the value is in the set (0 if negated).
  ColumnPtr Contains(const Column& column, bool negated) const;

 private:
  template <class Equals>
  ColumnPtr Probe(const Column& column, bool negated, Equals&& equals) const;

  ColumnPtr values_;
  // Open addressing by hash: 1 + index into values_, or 0.
  ChargedVector<uint32_t> slots_;
  ChargedVector<uint64_t> hashes_;  // of values_
};

}  // namespace granary
