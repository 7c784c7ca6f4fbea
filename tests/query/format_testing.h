// What the tests of formats share: text in, blocks out, and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/query/formats/input_format.h"
#include "granary/query/formats/output_format.h"

namespace granary::testing {

// Delivers a text in pieces of at most `piece_bytes`, as a slow pipe would.
inline InputBytes Pieces(std::string text, size_t piece_bytes) {
  return InputBytes([text = std::move(text), piece_bytes,
                     at = size_t{0}](std::span<char> buffer) mutable -> size_t {
    const size_t bytes = std::min({piece_bytes, buffer.size(), text.size() - at});
    text.copy(buffer.data(), bytes, at);
    at += bytes;
    return bytes;
  });
}

// All rows; throws what the format throws.
inline std::vector<Block> ReadBlocks(std::string_view format, const Header& header,
                                     InputBytes bytes, const InputFormatOptions& options = {},
                                     size_t max_rows = 1000) {
  const auto input = InputFormat::Create(format, header, std::move(bytes), options);
  std::vector<Block> blocks;
  while (auto block = input->ReadBlock(max_rows)) blocks.push_back(std::move(*block));
  return blocks;
}

inline std::string WriteBlocks(std::string_view format, const Header& header,
                               const std::vector<Block>& blocks,
                               const QuerySettings& settings = {}) {
  ByteWriter sink;
  const auto output = OutputFormat::Create(format, header, sink, settings);
  for (const Block& block : blocks) output->WriteBlock(block);
  output->Finish();
  return {reinterpret_cast<const char*>(sink.bytes().data()), sink.size()};
}

// The rows of `text` again as TabSeparated.
inline std::string ReadAsTabSeparated(std::string_view format, const Header& header,
                                      InputBytes bytes, const InputFormatOptions& options = {}) {
  return WriteBlocks("TabSeparated", header, ReadBlocks(format, header, std::move(bytes), options));
}

inline Header MakeHeader(std::initializer_list<std::pair<const char*, const char*>> columns) {
  Header header;
  for (const auto& [name, type] : columns) header.push_back({name, DataType::Parse(type)});
  return header;
}

inline Block MakeBlock(const Header& header, const std::vector<std::vector<Value>>& rows) {
  std::vector<NamedColumn> columns;
  for (size_t i = 0; i < header.size(); ++i) {
    const auto builder = ColumnBuilder::Create(header[i].type);
    for (const auto& row : rows) builder->Append(row[i]);
    columns.push_back({header[i].name, builder->Finish()});
  }
  return Block(std::move(columns));
}

}  // namespace granary::testing
