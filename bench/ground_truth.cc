// Writes the row numbers of the 100 nearest base vectors of each query.
//
//   ground_truth l2|cosine base.fvecs queries.fvecs truth.ivecs
#include <cstdio>
#include <exception>
#include <string>

#include "granary/bench/exact_neighbors.h"

namespace {

using namespace granary::bench;

constexpr size_t kNeighbors = 100;

int WriteTruth(ExactDistance distance, char** files) {
  const FloatVectors base = ReadFvecs(files[0]);
  const FloatVectors queries = ReadFvecs(files[1]);
  if (base.rows < kNeighbors || base.dimensions != queries.dimensions) {
    std::fprintf(stderr, "ground_truth: the base is too small or of other dimensions\n");
    return 1;
  }
  WriteIvecs(files[2], ExactNeighbors(base, queries, distance, kNeighbors));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string metric = argc == 5 ? argv[1] : "";
  if (metric != "l2" && metric != "cosine") {
    std::fprintf(stderr, "usage: ground_truth l2|cosine base.fvecs queries.fvecs truth.ivecs\n");
    return 2;
  }
  try {
    return WriteTruth(metric == "l2" ? ExactDistance::kL2 : ExactDistance::kCosine, argv + 2);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ground_truth: %s\n", error.what());
    return 1;
  }
}
