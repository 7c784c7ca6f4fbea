#include "granary/query/formats/row_input_format.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/query/formats/quoted_text.h"
#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

ErrorCode CodeOfBadValue(const DataType& type) {
  switch (type.id()) {
    case TypeId::kFloat32:
    case TypeId::kFloat64:
    case TypeId::kBFloat16:
      return ErrorCode::kCannotParseNumber;
    case TypeId::kDate:
      return ErrorCode::kCannotParseDate;
    case TypeId::kDateTime:
      return ErrorCode::kCannotParseDateTime;
    case TypeId::kString:
      return ErrorCode::kCannotParseQuotedString;
    case TypeId::kBool:
      return ErrorCode::kCannotParseBool;
    case TypeId::kArray:
      return ErrorCode::kCannotReadArray;
    default:
      return ErrorCode::kCannotParseInput;
  }
}

std::string NameList(const Header& header) {
  std::string list;
  for (const HeaderColumn& column : header) {
    if (!list.empty()) list += ", ";
    list += column.name;
  }
  return list;
}

}  // namespace

RowInputFormat::RowInputFormat(std::string_view format, Header header, InputBytes bytes)
    : InputFormat(std::move(header), std::move(bytes)), format_(format) {
  for (const HeaderColumn& column : header_) readers_.push_back(ValueReader::Create(column.type));
}

std::optional<Block> RowInputFormat::ReadBlock(size_t max_rows) {
  for (auto& rows : absent_) rows.clear();
  for (block_rows_ = 0; block_rows_ < max_rows && ReadRow(); ++block_rows_) ++rows_read_;
  if (block_rows_ == 0) return std::nullopt;
  std::vector<NamedColumn> columns;
  for (size_t i = 0; i < readers_.size(); ++i) {
    if (!absent_[i].empty()) absent_[i].resize(block_rows_);
    columns.push_back({header_[i].name, readers_[i]->Finish()});
  }
  return columns.empty() ? Block(block_rows_) : Block(std::move(columns));
}

void RowInputFormat::AppendAbsent(size_t column) {
  readers_[column]->AppendDefault();
  absent_[column].resize(block_rows_ + 1);
  absent_[column][block_rows_] = 1;
}

void RowInputFormat::SkipByteOrderMark() {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  while (bytes_.window().size() < kMark.size() && bytes_.More()) {
  }
  if (bytes_.window().starts_with(kMark)) bytes_.Skip(kMark.size());
}

bool RowInputFormat::SkipSpaceBetweenRows() {
  while (true) {
    const std::string_view window = bytes_.window();
    const char* const end = window.data() + window.size();
    const char* const in = SkipSpace(window.data(), end);
    bytes_.Skip(static_cast<size_t>(in - window.data()));
    if (in != end) return true;
    if (!bytes_.More()) return false;
  }
}

void RowInputFormat::ThrowBadValue(ParseStatus status, size_t column, std::string_view text) const {
  const HeaderColumn& target = header_[column];
  const bool is_out_of_range = status == ParseStatus::kOutOfRange;
  throw Error(is_out_of_range ? ErrorCode::kArgumentOutOfBound : CodeOfBadValue(target.type),
              fmt::format("{}, row {}, column {}: {} {} {}", format_, rows_read_ + 1, target.name,
                          Excerpt(text),
                          is_out_of_range ? "is out of the range of" : "is not a value of type",
                          target.type.name()));
}

void RowInputFormat::ThrowBadRow(ErrorCode code, std::string_view problem) const {
  throw Error(code, fmt::format("{}, row {}: {}", format_, rows_read_ + 1, problem));
}

std::string Excerpt(std::string_view text) {
  constexpr size_t kShownBytes = 80;
  std::string shown;
  AppendQuoted(text.substr(0, kShownBytes), shown);
  if (text.size() > kShownBytes) shown += "... (" + std::to_string(text.size()) + " bytes)";
  return shown;
}

std::vector<size_t> MatchNames(std::string_view format, const std::vector<std::string>& names,
                               const Header& header, bool skips_unknown) {
  std::vector<size_t> columns;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(header, name, &HeaderColumn::name);
    if (found == header.end()) {
      if (skips_unknown) {
        columns.push_back(kNoColumn);
        continue;
      }
      throw Error(ErrorCode::kNoSuchColumnInTable,
                  fmt::format("{}: the line of names has {}, which is not among the columns to "
                              "insert: {}; input_format_skip_unknown_fields = 1 skips it",
                              format, Excerpt(name), NameList(header)));
    }
    const auto column = static_cast<size_t>(found - header.begin());
    if (std::ranges::find(columns, column) != columns.end()) {
      throw Error(ErrorCode::kDuplicateColumn,
                  fmt::format("{}: the line of names has column {} twice", format, Excerpt(name)));
    }
    columns.push_back(column);
  }
  return columns;
}

}  // namespace granary
