// Writing rows as bytes: TabSeparated (TSV), TabSeparatedWithNames (TSVWithNames), CSV,
// CSVWithNames, JSONEachRow, Values, PrettyCompact, Vertical and Null. Names are not
// case-sensitive. The text is ClickHouse's, byte for byte.
#pragma once

#include <memory>
#include <string_view>

#include "granary/query/formats/header.h"
#include "granary/table/block.h"
#include "granary/table/byte_stream.h"
#include "granary/table/settings.h"

namespace granary {

class OutputFormat {
 public:
  // The sink outlives the format; what it throws comes out of WriteBlock and Finish. Throws
  // UNKNOWN_FORMAT.
  static std::unique_ptr<OutputFormat> Create(std::string_view format, Header header,
                                              ByteSink& sink, const QuerySettings& settings = {});
  virtual ~OutputFormat() = default;

  // Columns of the header's types, in its order.
  virtual void WriteBlock(const Block& block) = 0;
  // Once, after the last block: writes what is still held back.
  virtual void Finish() = 0;
};

}  // namespace granary
