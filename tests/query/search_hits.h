// What a search found, as tests compare it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "granary/query/database.h"

namespace granary {

struct Hit {
  uint64_t id = 0;
  double distance = 0;
  friend bool operator==(const Hit&, const Hit&) = default;
};

// Of a result whose columns are an id and a distance.
inline std::vector<Hit> HitsOf(Result result) {
  std::vector<Hit> hits;
  while (std::optional<Block> block = result.Next()) {
    for (size_t row = 0; row < block->rows(); ++row) {
      hits.push_back(
          {block->column(0)->ValueAt(row).as_uint(), block->column(1)->ValueAt(row).as_double()});
    }
  }
  return hits;
}

}  // namespace granary
