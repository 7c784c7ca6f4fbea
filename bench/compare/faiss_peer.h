// Faiss (IndexHNSWFlat) behind a plain interface. Debian's library is compiled without AVX2, and is
// named so wherever it is shown.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_set.h"

namespace granary::bench {

class FaissPeer {
 public:
  // Whether Faiss was there when this was compiled; a peer can be made only then.
  static bool IsAvailable();

  // Builds on all cores. For cosine the vectors are normalised and searched by L2 distance.
  FaissPeer(const VectorSet& set, size_t m, size_t ef_construction);
  ~FaissPeer();

  // The 10 nearest rows it finds, nearest first, on one thread; replaces the content of `rows`.
  void Search(std::span<const float> query, size_t ef, std::vector<uint32_t>& rows);

  static std::string Description();

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace granary::bench
