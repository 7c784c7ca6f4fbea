// The bloom_filter([false_positives]) kind of skip index: for each index block a Bloom filter (B.
// H. Bloom, 1970) of the values of an expression, of an array the values of its elements. It prunes
// blocks for =, IN and, of arrays, has, hasAny and hasAll. false_positives, 0.025 by default, is
// the share of absent values for which a block is read in vain.
#pragma once

#include "granary/skipindex/skip_index.h"

namespace granary {

class BloomFilterKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "bloom_filter"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings& settings) const override;
};

}  // namespace granary
