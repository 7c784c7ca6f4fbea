#include "granary/query/formats/value_writer.h"

#include <cmath>
#include <type_traits>

#include "granary/query/formats/date_text.h"
#include "granary/query/formats/number_text.h"
#include "granary/query/formats/quoted_text.h"

namespace granary {
namespace {

template <class T>
void AppendFloat(T value, const TextOptions& options, std::string& out) {
  if (options.style == TextStyle::kJson && !std::isfinite(static_cast<double>(value))) {
    out += "null";
  } else {
    AppendNumber(value, out);
  }
}

template <class T>
void AppendScalar(T value, const TextOptions& options, std::string& out) {
  if constexpr (!std::is_integral_v<T>) {
    AppendFloat(value, options, out);
  } else if (sizeof(T) == 8 && options.style == TextStyle::kJson && options.quote_64bit_integers) {
    out += '"';
    AppendNumber(value, out);
    out += '"';
  } else {
    AppendNumber(value, out);
  }
}

char DateQuote(TextStyle style) {
  if (style == TextStyle::kLiteral) return '\'';
  return style == TextStyle::kCsv || style == TextStyle::kJson ? '"' : '\0';
}

void AppendDateText(const Column& column, size_t row, TextStyle style, std::string& out) {
  const char quote = DateQuote(style);
  if (quote != '\0') out += quote;
  if (column.type().id() == TypeId::kDate) {
    AppendDate(AsNumbers<uint16_t>(column).data()[row], out);
  } else {
    AppendDateTime(AsNumbers<uint32_t>(column).data()[row], out);
  }
  if (quote != '\0') out += quote;
}

void AppendStringText(std::string_view text, TextStyle style, std::string& out) {
  switch (style) {
    case TextStyle::kPlain:
      out += text;
      return;
    case TextStyle::kTabSeparated:
      return AppendEscaped(text, out);
    case TextStyle::kLiteral:
      return AppendQuoted(text, out);
    case TextStyle::kCsv:
      return AppendCsvQuoted(text, out);
    case TextStyle::kJson:
      return AppendJsonQuoted(text, out);
  }
}

template <class T>
void AppendNumbers(const T* begin, const T* end, const TextOptions& options, std::string& out) {
  for (const T* value = begin; value != end; ++value) {
    if (value != begin) out += ',';
    AppendScalar(*value, options, out);
  }
}

void AppendElements(const ArrayColumn& column, size_t row, const TextOptions& options,
                    std::string& out) {
  const Column& elements = *column.elements();
  const uint64_t begin = column.Begin(row);
  const uint64_t end = column.End(row);
  out += '[';
  if (elements.type().is_number()) {
    VisitFixedType(elements.type().id(), [&]<class T>() {
      const T* data = AsNumbers<T>(elements).data();
      AppendNumbers(data + begin, data + end, options, out);
    });
  } else {
    for (uint64_t i = begin; i < end; ++i) {
      if (i != begin) out += ',';
      AppendValueText(elements, i, options, out);
    }
  }
  out += ']';
}

void AppendArrayText(const ArrayColumn& column, size_t row, const TextOptions& options,
                     std::string& out) {
  TextOptions element_options = options;
  if (options.style != TextStyle::kJson) element_options.style = TextStyle::kLiteral;
  if (options.style == TextStyle::kCsv) {
    std::string text;
    AppendElements(column, row, element_options, text);
    AppendCsvQuoted(text, out);
  } else {
    AppendElements(column, row, element_options, out);
  }
}

}  // namespace

void AppendValueText(const Column& column, size_t row, const TextOptions& options,
                     std::string& out) {
  switch (column.type().id()) {
    case TypeId::kNothing:
      out += options.style == TextStyle::kJson ? "null" : "NULL";
      return;
    case TypeId::kBool:
      out += AsNumbers<uint8_t>(column).data()[row] != 0 ? "true" : "false";
      return;
    case TypeId::kString:
      return AppendStringText(AsStrings(column).At(row), options.style, out);
    case TypeId::kDate:
    case TypeId::kDateTime:
      return AppendDateText(column, row, options.style, out);
    case TypeId::kArray:
      return AppendArrayText(AsArrays(column), row, options, out);
    default:
      VisitFixedType(column.type().id(), [&]<class T>() {
        AppendScalar(AsNumbers<T>(column).data()[row], options, out);
      });
  }
}

std::vector<ColumnPtr> MaterializedColumns(const Block& block) {
  std::vector<ColumnPtr> columns;
  columns.reserve(block.column_count());
  for (const NamedColumn& named : block.columns()) columns.push_back(named.column->Materialize());
  return columns;
}

}  // namespace granary
