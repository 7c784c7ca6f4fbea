#include "granary/query/formats/pretty_output.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "granary/query/formats/utf8.h"
#include "granary/query/formats/value_writer.h"

namespace granary {
namespace {

constexpr size_t kValueWidthMax = 10000;   // longer values are cut when there are other columns
constexpr size_t kNameWidth = 24;          // longer names of expressions are cut to this
constexpr size_t kNameWidthTolerance = 4;  // but not for so little
constexpr size_t kRowsForNamesBelow = 50;  // tables at least as long repeat the names

void AppendTimes(std::string_view text, size_t times, std::string& out) {
  for (size_t i = 0; i < times; ++i) out += text;
}

bool IsIdentifier(std::string_view name) {
  const auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  const auto is_word = [&](char c) { return is_letter(c) || c == '_' || (c >= '0' && c <= '9'); };
  return !name.empty() && (is_letter(name[0]) || name[0] == '_') &&
         std::ranges::all_of(name, is_word);
}

bool IsRightAligned(const DataType& type) { return type.is_number() || type.is_date_or_time(); }

// The name in at most max(kNameWidth, values_width) cells: the middle of a long one is cut out.
std::string FittedName(const std::string& name, size_t values_width) {
  const size_t width = TextWidth(name, 0);
  const size_t target = std::max(kNameWidth, values_width);
  if (width <= target + kNameWidthTolerance || IsIdentifier(name)) return name;
  const size_t front = FittingBytes(name, target / 2, 0);
  const size_t back_cells = (target - 1) / 2;
  const size_t back = FittingBytes(name, width - back_cells, 0);
  return name.substr(0, front) + "⋯" + name.substr(back);
}

struct Cell {
  std::vector<std::string> lines;  // at least one
  bool ends_line = false;          // the value ends in a line end

  bool is_continued(size_t line) const { return line + (ends_line ? 0 : 1) < lines.size(); }
};

struct TableColumn {
  std::string name;
  bool is_right_aligned = false;
  size_t width = 0;
  size_t position = 0;  // of the first cell of its values, on the terminal
};

// The table as text: everything is measured first, then drawn.
class Table {
 public:
  Table(const Header& header, const std::vector<Block>& head, const std::deque<Block>& tail,
        uint64_t rows);

  std::string Draw() const;

 private:
  struct Row {
    uint64_t number = 0;
    std::vector<Cell> cells;
    std::string note;
  };

  void AddRows(const Block& block, uint64_t first_number);
  void MeasureColumns(const Header& header);
  void DrawRule(std::string_view left, std::string_view middle, std::string_view right,
                bool has_names, std::string& out) const;
  void DrawRow(const Row& row, std::string& out) const;
  void DrawLine(const Row& row, size_t line, std::string& out) const;
  void DrawGap(std::string& out) const;

  std::vector<TableColumn> columns_;
  std::vector<Row> rows_;
  size_t head_rows_ = 0;
  size_t number_width_ = 0;  // of "12."
};

Cell MakeCell(const Column& column, size_t row) {
  std::string text;
  AppendValueText(column, row, {.style = TextStyle::kPlain}, text);
  Cell cell;
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    cell.lines.push_back(text.substr(begin, end - begin));
  }
  cell.ends_line = begin > 0 && begin == text.size();
  if (!cell.ends_line) cell.lines.push_back(text.substr(begin));
  return cell;
}

Table::Table(const Header& header, const std::vector<Block>& head, const std::deque<Block>& tail,
             uint64_t rows) {
  uint64_t number = 1;
  for (const Block& block : head) {
    AddRows(block, number);
    number += block.rows();
  }
  head_rows_ = rows_.size();
  number = rows + 1;
  for (const Block& block : tail) number -= block.rows();
  for (const Block& block : tail) {
    AddRows(block, number);
    number += block.rows();
  }
  number_width_ = std::to_string(rows_.back().number).size() + 1;
  MeasureColumns(header);
}

void Table::AddRows(const Block& block, uint64_t first_number) {
  const std::vector<ColumnPtr> columns = MaterializedColumns(block);
  for (size_t row = 0; row < block.rows(); ++row) {
    Row& added = rows_.emplace_back();
    added.number = first_number + row;
    for (const ColumnPtr& column : columns) added.cells.push_back(MakeCell(*column, row));
    if (!columns.empty()) AppendLargeNumberNote(*columns.back(), row, added.note);
  }
}

void Table::MeasureColumns(const Header& header) {
  size_t position = number_width_ + 3;
  for (size_t i = 0; i < header.size(); ++i) {
    TableColumn column{.is_right_aligned = IsRightAligned(header[i].type), .position = position};
    for (const Row& row : rows_) {
      for (const std::string& line : row.cells[i].lines) {
        column.width = std::max(column.width, TextWidth(line, position));
      }
    }
    column.width = std::min(column.width, kValueWidthMax);
    column.name = FittedName(header[i].name, column.width);
    column.width = std::max(column.width, TextWidth(column.name, position));
    position += column.width + 3;
    columns_.push_back(std::move(column));
  }
}

void Table::DrawRule(std::string_view left, std::string_view middle, std::string_view right,
                     bool has_names, std::string& out) const {
  out.append(number_width_ + 1, ' ');
  for (size_t i = 0; i < columns_.size(); ++i) {
    const TableColumn& column = columns_[i];
    const std::string_view name = has_names ? std::string_view(column.name) : std::string_view();
    const size_t dashes = column.width - TextWidth(name, column.position);
    out += i == 0 ? left : middle;
    out += "─";
    if (column.is_right_aligned) AppendTimes("─", dashes, out);
    out += name;
    if (!column.is_right_aligned) AppendTimes("─", dashes, out);
    out += "─";
  }
  out += right;
  out += '\n';
}

void Table::DrawLine(const Row& row, size_t line, std::string& out) const {
  out += "│";
  for (size_t i = 0; i < columns_.size(); ++i) {
    const TableColumn& column = columns_[i];
    const std::vector<std::string>& lines = row.cells[i].lines;
    const bool has_line = line < lines.size();
    std::string_view text = has_line ? std::string_view(lines[line]) : std::string_view();
    size_t width = TextWidth(text, column.position);
    const bool is_cut = width > column.width;
    if (is_cut) {
      text = text.substr(0, FittingBytes(text, column.width - 1, column.position));
      width = TextWidth(text, column.position) + 1;
    }
    const size_t padding = column.width - width;
    out += has_line && line > 0 ? "↳" : " ";
    if (column.is_right_aligned) out.append(padding, ' ');
    out += text;
    if (is_cut) out += "⋯";
    if (!column.is_right_aligned) out.append(padding, ' ');
    out += row.cells[i].is_continued(line) ? "↴" : " ";
    out += "│";
  }
}

void Table::DrawRow(const Row& row, std::string& out) const {
  size_t lines = 1;
  for (const Cell& cell : row.cells) lines = std::max(lines, cell.lines.size());
  for (size_t line = 0; line < lines; ++line) {
    if (line == 0) {
      out += fmt::format("{:>{}} ", fmt::format("{}.", row.number), number_width_);
    } else {
      out.append(number_width_ + 1, ' ');
    }
    DrawLine(row, line, out);
    if (line == 0) out += row.note;
    out += '\n';
  }
}

void Table::DrawGap(std::string& out) const {
  size_t width = 1;
  for (const TableColumn& column : columns_) width += column.width + 3;
  out.append(number_width_ + 1, ' ');
  AppendTimes("─ ", width / 2, out);
  out += '\n';
}

std::string Table::Draw() const {
  std::string out;
  DrawRule("┌", "┬", "┐", true, out);
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (i == head_rows_ && i > 0 && rows_[i].number != rows_[i - 1].number + 1) DrawGap(out);
    DrawRow(rows_[i], out);
  }
  DrawRule("└", "┴", "┘", rows_.size() >= kRowsForNamesBelow, out);
  return out;
}

}  // namespace

PrettyCompactOutput::PrettyCompactOutput(Header header, ByteSink& sink,
                                         const QuerySettings& settings)
    : header_(std::move(header)),
      sink_(sink),
      head_rows_max_((settings.output_format_pretty_max_rows + 1) / 2),
      tail_rows_max_(settings.output_format_pretty_max_rows / 2) {}

void PrettyCompactOutput::WriteBlock(const Block& block) {
  rows_ += block.rows();
  const size_t to_head = std::min(block.rows(), head_rows_max_ - head_rows_);
  if (to_head > 0) head_.push_back(block.Slice(0, to_head));
  head_rows_ += to_head;
  if (to_head == block.rows()) return;
  tail_.push_back(block.Slice(to_head, block.rows() - to_head));
  tail_rows_ += tail_.back().rows();
  while (tail_rows_ > tail_rows_max_) {
    const size_t excess = std::min(tail_rows_ - tail_rows_max_, tail_.front().rows());
    tail_rows_ -= excess;
    if (excess == tail_.front().rows()) {
      tail_.pop_front();
    } else {
      tail_.front() = tail_.front().Slice(excess, tail_.front().rows() - excess);
    }
  }
}

void PrettyCompactOutput::Finish() {
  std::string out;
  const size_t shown = head_rows_ + tail_rows_;
  if (shown > 0) out = Table(header_, head_, tail_, rows_).Draw();
  if (shown < rows_) out += fmt::format("Showed {} out of {} rows.\n", shown, rows_);
  if (!out.empty()) sink_.Append(std::as_bytes(std::span(out)));
}

void AppendLargeNumberNote(const Column& column, size_t row, std::string& out) {
  constexpr double kThreshold = 1e6;
  constexpr double kIntegerMax = 1e18;  // larger integers are identifiers rather than quantities
  static constexpr std::array<const char*, 10> kNames = {
      "million",    "billion",    "trillion",  "quadrillion", "quintillion",
      "sextillion", "septillion", "octillion", "nonillion",   "decillion"};
  if (!column.type().is_number()) return;
  double value = column.ValueAt(row).as_double();
  if (!(std::fabs(value) > kThreshold) || std::isinf(value)) return;
  if (column.type().is_integer() && std::fabs(value) > kIntegerMax) return;
  value /= 1e6;
  size_t name = 0;
  for (; std::fabs(value) >= 1000 && name + 1 < kNames.size(); ++name) value /= 1000;
  if (std::fabs(value) >= 1000) return;
  out += fmt::format(" -- {:.2f} {}", value, kNames[name]);
}

}  // namespace granary
