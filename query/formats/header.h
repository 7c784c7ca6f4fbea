// What a format is told of the rows it reads or writes: names and types of the columns, in order.
#pragma once

#include <string>
#include <vector>

#include "granary/table/types.h"

namespace granary {

struct HeaderColumn {
  std::string name;
  DataType type;

  friend bool operator==(const HeaderColumn&, const HeaderColumn&) = default;
};
using Header = std::vector<HeaderColumn>;

}  // namespace granary
