// What the tests of expressions and functions share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/formats/value_writer.h"
#include "granary/query/sql/parser.h"

namespace granary {

// A row of a column as TabSeparated text.
inline std::string RowText(const Column& column, size_t row) {
  std::string text;
  AppendValueText(*column.Materialize(), row, {.style = TextStyle::kTabSeparated}, text);
  return text;
}

// All rows, separated by "|".
inline std::string ColumnText(const Column& column) {
  std::string text;
  for (size_t row = 0; row < column.size(); ++row) {
    text += (row == 0 ? "" : "|") + RowText(column, row);
  }
  return text;
}

// A column of a type from values as SQL has them.
inline ColumnPtr MakeColumn(const DataType& type, const std::vector<Value>& values) {
  auto builder = ColumnBuilder::Create(type);
  for (const Value& value : values) builder->Append(value);
  return builder->Finish();
}

inline ExpressionScope ScopeOf(const Block& block) {
  ExpressionScope scope;
  for (const NamedColumn& column : block.columns()) {
    scope.AddColumn(column.name, column.column->type());
  }
  scope.context.now = std::chrono::system_clock::time_point(std::chrono::seconds(1704067200));
  return scope;
}

inline CompiledExpressionPtr Compile(const std::string& text, const ExpressionScope& scope) {
  return CompileExpression(*sql::ParseExpression(text), scope);
}

inline ColumnPtr Evaluate(const std::string& text, const Block& block) {
  return Compile(text, ScopeOf(block))->Evaluate(block);
}

// The error of a call, or nothing.
inline std::optional<Error> ErrorOf(const std::function<void()>& call) {
  try {
    call();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

#define EXPECT_ERROR(call, expected_code, expected_text)                            \
  do {                                                                              \
    const std::optional<Error> error = ErrorOf([&] { call; });                      \
    ASSERT_TRUE(error.has_value()) << "no error";                                   \
    EXPECT_EQ(ErrorName(error->code()), ErrorName(expected_code)) << error->what(); \
    EXPECT_THAT(error->message(), ::testing::HasSubstr(expected_text));             \
  } while (false)

}  // namespace granary
