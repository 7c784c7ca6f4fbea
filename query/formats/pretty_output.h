// Writer of PrettyCompact: a table in box drawing characters, as wide as its values.
//
//    ┌─id─┬─name─┐
// 1. │  7 │ x    │
//    └────┴──────┘
//
// Rows are held back until Finish, because the widths depend on all of them; of more than
// output_format_pretty_max_rows rows only the first and the last half are kept and shown. The
// layout is ClickHouse's: row numbers, cut names of expressions, marks where a value goes on in the
// next line, names again below a long table, and a note beside large numbers of the last column.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "granary/query/formats/output_format.h"

namespace granary {

class PrettyCompactOutput final : public OutputFormat {
 public:
  PrettyCompactOutput(Header header, ByteSink& sink, const QuerySettings& settings);

  void WriteBlock(const Block& block) override;
  void Finish() override;

 private:
  const Header header_;
  ByteSink& sink_;
  const size_t head_rows_max_;
  const size_t tail_rows_max_;
  std::vector<Block> head_;
  size_t head_rows_ = 0;
  std::deque<Block> tail_;
  size_t tail_rows_ = 0;
  uint64_t rows_ = 0;
};

// Appends " -- 1.23 million" if the value is a number beyond a million.
void AppendLargeNumberNote(const Column& column, size_t row, std::string& out);

}  // namespace granary
