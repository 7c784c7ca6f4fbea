// A table of ten numeric columns, and rows for it: what the insert and merge figures write.
#pragma once

#include <cstddef>
#include <string>

#include "granary/query/database.h"

namespace granary::bench {

// Creates the table `numbers`, sorted by id, with the table setting fsync = `fsync`.
void CreateNumberTable(Database& database, const std::string& fsync);

// Rows with the ids first_id, first_id + 1, ...: counters, small and large random numbers, measured
// values, dates and times; 45 bytes each. The same seed gives the same rows.
Block NumberBlock(size_t first_id, size_t rows, uint64_t seed);

}  // namespace granary::bench
