// Every line of function_cases/*.tsv: the expression as it stands, then with its literals given as
// columns, one at a time and all together. All ways have to agree.
#include <filesystem>
#include <fstream>
#include <map>

#include "expr_testing.h"

namespace granary {
namespace {

struct Case {
  std::string expression;
  std::string type;   // or "error"
  std::string value;  // or the code
};

std::vector<Case> ReadCases(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t type = line.find('\t');
    const size_t value = line.find('\t', type + 1);
    if (value == line.npos) {
      ADD_FAILURE() << path << ": a line without three fields: " << line;
      continue;
    }
    cases.push_back(
        {line.substr(0, type), line.substr(type + 1, value - type - 1), line.substr(value + 1)});
  }
  return cases;
}

std::filesystem::path CaseDirectory() {
  return std::filesystem::path(GRANARY_SOURCE_DIR) / "tests/query/function_cases";
}

// Copies expressions with literals replaced by columns of three equal rows.
class LiteralsAsColumns {
 public:
  // Replaces literal number `only` (all if nothing), counted in the order of the text.
  LiteralsAsColumns(const sql::Expr& expr, std::optional<size_t> only) : only_(only) {
    expr_ = Copy(expr);
  }

  const sql::Expr& expr() const { return *expr_; }
  size_t literals() const { return literals_; }
  const Block& block() const { return block_; }

 private:
  static constexpr size_t kRows = 3;

  sql::ExprPtr Copy(const sql::Expr& expr) {
    if (const auto* literal = sql::As<sql::Literal>(expr)) return CopyLiteral(*literal);
    if (const auto* function = sql::As<sql::Function>(expr)) {
      auto copy = std::make_shared<sql::Function>(*function);
      for (sql::ExprPtr& argument : copy->arguments) argument = Copy(*argument);
      return copy;
    }
    if (const auto* lambda = sql::As<sql::Lambda>(expr)) {
      auto copy = std::make_shared<sql::Lambda>(*lambda);
      copy->body = Copy(*lambda->body);
      return copy;
    }
    if (const auto* identifier = sql::As<sql::Identifier>(expr)) {
      return std::make_shared<sql::Identifier>(*identifier);
    }
    ADD_FAILURE() << "an expression of this kind cannot be copied";
    return nullptr;
  }

  sql::ExprPtr CopyLiteral(const sql::Literal& literal) {
    const size_t number = literals_++;
    const bool is_kept = literal.is_null() || (only_ && *only_ != number) ||
                         (literal.type.is_array() && literal.type.element().is_nothing());
    if (is_kept) return std::make_shared<sql::Literal>(literal);
    auto column = std::make_shared<sql::Identifier>();
    column->parts = {"literal_" + std::to_string(number)};
    block_.Add(column->parts[0], MakeConstant(literal.type, literal.value, kRows)->Materialize());
    return column;
  }

  std::optional<size_t> only_;
  size_t literals_ = 0;
  Block block_{kRows};
  sql::ExprPtr expr_;
};

// Codes for arguments that must be constants.
bool NeedsConstant(const Error& error) {
  return error.code() == ErrorCode::kIllegalColumn ||
         error.code() == ErrorCode::kIllegalTypeOfArgument ||
         error.code() == ErrorCode::kNoCommonType;
}

// Counts the ways in which cases were evaluated, to know that the columns were reached.
struct Ways {
  size_t constants = 0;
  size_t columns = 0;
};

void CheckColumns(const Case& test, const sql::Expr& expr, std::optional<size_t> only, Ways& ways) {
  const LiteralsAsColumns with_columns(expr, only);
  if (with_columns.block().column_count() == 0) return;
  try {
    const ExpressionScope scope = ScopeOf(with_columns.block());
    const auto compiled = CompileExpression(with_columns.expr(), scope);
    const ColumnPtr result = compiled->Evaluate(with_columns.block());
    ASSERT_NE(test.type, "error") << "no error with literals as columns";
    EXPECT_EQ(compiled->type().name(), test.type);
    EXPECT_EQ(result->type().name(), test.type);
    EXPECT_EQ(ColumnText(*result), test.value + "|" + test.value + "|" + test.value);
    ++ways.columns;
  } catch (const Error& error) {
    if (NeedsConstant(error)) return;
    ASSERT_EQ(test.type, "error") << error.what();
    EXPECT_EQ(std::to_string(static_cast<int>(error.code())), test.value) << error.what();
    ++ways.columns;
  }
}

void CheckConstants(const Case& test, const sql::Expr& expr, Ways& ways) {
  try {
    const auto compiled = CompileExpression(expr, ScopeOf(Block(1)));
    const ColumnPtr result = compiled->Evaluate(Block(2));
    EXPECT_EQ(compiled->type().name(), test.type);
    EXPECT_EQ(ColumnText(*result), test.value + "|" + test.value);
  } catch (const Error& error) {
    EXPECT_EQ(test.type, "error") << error.what();
    EXPECT_EQ(std::to_string(static_cast<int>(error.code())), test.value) << error.what();
  }
  ++ways.constants;
}

class FunctionCases : public testing::TestWithParam<std::string> {};

TEST_P(FunctionCases, AgreeHoweverTheArgumentsCome) {
  const std::vector<Case> cases = ReadCases(CaseDirectory() / (GetParam() + ".tsv"));
  ASSERT_GT(cases.size(), 10u);
  Ways ways;
  for (const Case& test : cases) {
    SCOPED_TRACE(test.expression);
    const sql::ExprPtr expr = sql::ParseExpression(test.expression);
    CheckConstants(test, *expr, ways);
    const size_t literals = LiteralsAsColumns(*expr, std::nullopt).literals();
    for (size_t literal = 0; literal < literals; ++literal) {
      SCOPED_TRACE("literal " + std::to_string(literal) + " as a column");
      CheckColumns(test, *expr, literal, ways);
    }
    CheckColumns(test, *expr, std::nullopt, ways);
  }
  EXPECT_EQ(ways.constants, cases.size());
  EXPECT_GT(ways.columns, cases.size() / 2);
}

std::vector<std::string> CaseFiles() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(CaseDirectory())) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Files, FunctionCases, testing::ValuesIn(CaseFiles()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace granary
