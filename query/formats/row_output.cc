#include "granary/query/formats/row_output.h"

#include <algorithm>

#include "granary/query/formats/number_text.h"
#include "granary/query/formats/pretty_output.h"
#include "granary/query/formats/quoted_text.h"
#include "granary/query/formats/utf8.h"

namespace granary {
namespace {

constexpr size_t kFlushBytes = size_t{1} << 18;

void AppendCells(const std::vector<ColumnPtr>& columns, size_t row, TextStyle style,
                 std::string_view delimiter, std::string& out) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += delimiter;
    AppendValueText(*columns[i], row, {.style = style}, out);
  }
}

}  // namespace

void RowOutputFormat::BeginOnce() {
  if (is_begun_) return;
  is_begun_ = true;
  WritePrefix(out_);
}

void RowOutputFormat::WriteBlock(const Block& block) {
  BeginOnce();
  const std::vector<ColumnPtr> columns = MaterializedColumns(block);
  for (size_t row = 0; row < block.rows(); ++row, ++rows_written_) {
    WriteRow(columns, row, out_);
    if (out_.size() >= kFlushBytes) Flush();
  }
  Flush();
}

void RowOutputFormat::Finish() {
  BeginOnce();
  WriteSuffix(out_);
  Flush();
}

void RowOutputFormat::Flush() {
  if (out_.empty()) return;
  sink_.Append(std::as_bytes(std::span(out_)));
  out_.clear();
}

void TabSeparatedOutput::WriteRow(const std::vector<ColumnPtr>& columns, size_t row,
                                  std::string& out) {
  AppendCells(columns, row, TextStyle::kTabSeparated, "\t", out);
  out += '\n';
}

void TabSeparatedWithNamesOutput::WritePrefix(std::string& out) {
  for (size_t i = 0; i < header_.size(); ++i) {
    if (i > 0) out += '\t';
    AppendEscaped(header_[i].name, out);
  }
  out += '\n';
}

void CsvOutput::WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) {
  AppendCells(columns, row, TextStyle::kCsv, delimiter_, out);
  out += '\n';
}

void CsvWithNamesOutput::WritePrefix(std::string& out) {
  for (size_t i = 0; i < header_.size(); ++i) {
    if (i > 0) out += delimiter_;
    AppendCsvQuoted(header_[i].name, out);
  }
  out += '\n';
}

JsonEachRowOutput::JsonEachRowOutput(Header header, ByteSink& sink, const QuerySettings& settings)
    : RowOutputFormat(std::move(header), sink) {
  options_.quote_64bit_integers = settings.output_format_json_quote_64bit_integers;
  for (const HeaderColumn& column : header_) {
    std::string key = keys_.empty() ? "{" : ",";
    AppendJsonQuoted(column.name, key);
    keys_.push_back(key + ':');
  }
}

void JsonEachRowOutput::WriteRow(const std::vector<ColumnPtr>& columns, size_t row,
                                 std::string& out) {
  for (size_t i = 0; i < columns.size(); ++i) {
    out += keys_[i];
    AppendValueText(*columns[i], row, options_, out);
  }
  out += "}\n";
}

void ValuesOutput::WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) {
  if (rows_written_ > 0) out += ',';
  out += '(';
  AppendCells(columns, row, TextStyle::kLiteral, ",", out);
  out += ')';
}

VerticalOutput::VerticalOutput(Header header, ByteSink& sink, const QuerySettings& settings)
    : RowOutputFormat(std::move(header), sink), rows_max_(settings.output_format_pretty_max_rows) {
  size_t width_max = 0;
  for (const HeaderColumn& column : header_) {
    width_max = std::max(width_max, TextWidth(column.name, 0));
  }
  for (const HeaderColumn& column : header_) {
    const size_t padding = width_max - TextWidth(column.name, 0) + 1;
    labels_.push_back(column.name + ":" + std::string(padding, ' '));
  }
}

void VerticalOutput::WriteRow(const std::vector<ColumnPtr>& columns, size_t row, std::string& out) {
  if (rows_written_ >= rows_max_) return;
  if (rows_written_ > 0) out += '\n';
  out += "Row ";
  AppendNumber(rows_written_ + 1, out);
  out += ":\n";
  // As long as the line above would be with the next row's number: ClickHouse's output.
  const size_t dashes = 5 + std::to_string(rows_written_ + 2).size();
  for (size_t i = 0; i < dashes; ++i) out += "─";
  out += '\n';
  for (size_t i = 0; i < columns.size(); ++i) {
    out += labels_[i];
    AppendValueText(*columns[i], row, {.style = TextStyle::kPlain}, out);
    AppendLargeNumberNote(*columns[i], row, out);
    out += '\n';
  }
}

void VerticalOutput::WriteSuffix(std::string& out) {
  if (rows_written_ <= rows_max_) return;
  out += "\nShowed first ";
  AppendNumber(rows_max_, out);
  out += ".\n";
}

}  // namespace granary
