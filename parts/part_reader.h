// Reads rows of one part. A reader belongs to one statement and one thread; many readers may read
// the same Part. Checksums are verified on the way: damage throws CORRUPTED_DATA with part, file
// and offset, and never yields rows.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/part.h"
#include "granary/table/block.h"

namespace granary {

class PartReader {
 public:
  // Reads the named columns, in this order. Throws NO_SUCH_COLUMN_IN_TABLE if the part lacks one.
  // The context outlives the reader. With `keeps_frames` what Read decompresses is kept for the
  // next reader, as that of Gather always is, unless the column would fill much of the cache: for
  // the columns of a condition that many statements have.
  PartReader(PartPtr part, std::vector<std::string> columns, const TaskContext& context,
             bool keeps_frames = false);
  ~PartReader();

  const Part& part() const;

  // All rows of the granules, in order. Columns are never constant; those of fixed stride are views
  // of the memory map, which the column keeps alive.
  Block Read(GranuleRange granules);

  // The given rows in the given order (rows may repeat), reading only the granules they lie in: for
  // the few rows that a search returns.
  Block Gather(std::span<const uint32_t> rows);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace granary
