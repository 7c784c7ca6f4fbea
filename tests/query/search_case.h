// A search by one distance function, as a parameter of tests.
#pragma once

#include <ostream>

namespace granary {

struct SearchCase {
  const char* function;
  const char* direction;  // of ORDER BY, nearest first
  const char* element;    // of the vectors
};

inline void PrintTo(const SearchCase& search, std::ostream* out) {
  *out << search.function << " of " << search.element;
}

}  // namespace granary
