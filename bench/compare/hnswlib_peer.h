// hnswlib behind a plain interface: the only file that includes it is compiled as its users are
// told to, -O3 -march=native.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_set.h"

namespace granary::bench {

class HnswlibPeer {
 public:
  // Whether hnswlib was there when this was compiled; a peer can be made only then.
  static bool IsAvailable();

  // Builds on `threads` threads. For cosine the vectors are normalised and searched by inner
  // product, as hnswlib's own bindings do. `set` outlives the peer.
  HnswlibPeer(const VectorSet& set, size_t m, size_t ef_construction, size_t threads);
  ~HnswlibPeer();

  // The k nearest rows it finds, nearest first; replaces the content of `rows`.
  void Search(std::span<const float> query, size_t ef, size_t k, std::vector<uint32_t>& rows);

  double build_seconds() const { return build_seconds_; }
  // Vectors, links and labels.
  size_t byte_size() const;

  // Version and compiler flags.
  static std::string Description();

 private:
  struct Index;
  std::unique_ptr<Index> index_;
  bool normalise_ = false;
  std::vector<float> query_;
  double build_seconds_ = 0;
};

}  // namespace granary::bench
