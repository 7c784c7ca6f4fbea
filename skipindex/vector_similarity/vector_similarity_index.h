// The vector_similarity kind of skip index: a hierarchical navigable small world graph per index
// block. Start with declaration.h for its arguments, graph_builder.h for how a graph is made,
// graph_file.h for what is stored and graph_search.h for how it is searched.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/skip_index.h"

namespace granary {

class VectorSimilarityKind final : public SkipIndexKind {
 public:
  // Graphs are built with these kernels, and are the same whichever they are.
  explicit VectorSimilarityKind(const DistanceKernels& kernels = BestDistanceKernels())
      : kernels_(kernels) {}

  std::string_view name() const override { return "vector_similarity"; }
  size_t default_granularity() const override { return 100'000'000; }
  std::vector<std::string_view> named_arguments() const override { return {"allow_empty"}; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings& settings) const override;

 private:
  const DistanceKernels& kernels_;
};

}  // namespace granary
