#include <cmath>
#include <random>

#include "expr_testing.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

std::string Show(const Predicate& predicate) {
  constexpr const char* kOps[] = {"=",  "!=", "<",      "<=",          ">",
                                  ">=", "in", "not in", "starts with", "has"};
  switch (predicate.kind()) {
    case Predicate::Kind::kTrue:
      return "true";
    case Predicate::Kind::kFalse:
      return "false";
    case Predicate::Kind::kOpaque:
      return "?";
    case Predicate::Kind::kNot:
      return "not(" + Show(predicate.children()[0]) + ")";
    case Predicate::Kind::kAtom: {
      std::string text =
          predicate.atom().expression + " " + kOps[static_cast<int>(predicate.atom().op)];
      for (const Value& value : predicate.atom().constants) {
        text += " " + (value.is_string()  ? value.as_string()
                       : value.is_array() ? "[...]"
                                          : RowText(*MakeConstant(TypeId::kFloat64, value, 1), 0));
      }
      return text;
    }
    default:
      break;
  }
  std::string text;
  for (const Predicate& child : predicate.children()) {
    text += (text.empty() ? "" : predicate.kind() == Predicate::Kind::kAnd ? " and " : " or ");
    text += Show(child);
  }
  return "(" + text + ")";
}

ExpressionScope SampleScope() {
  ExpressionScope scope;
  scope.AddColumn("n", TypeId::kInt32);
  scope.AddColumn("u", TypeId::kUInt64);
  scope.AddColumn("f", TypeId::kFloat32);
  scope.AddColumn("s", TypeId::kString);
  scope.AddColumn("d", TypeId::kDate);
  scope.AddColumn("t", TypeId::kDateTime);
  scope.AddColumn("b", TypeId::kBool);
  scope.AddColumn("a", DataType::Array(TypeId::kUInt8));
  return scope;
}

std::string Lowered(const std::string& condition) {
  return Show(LowerPredicate(*CompileCondition(*sql::ParseExpression(condition), SampleScope())));
}

TEST(PredicateLowering, Shapes) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"n = 5", "n = 5"},
      {"5 < n", "n > 5"},
      {"5 >= n", "n <= 5"},
      {"n != -1", "n != -1"},
      {"n % 10 = 3", "modulo(n, 10) = 3"},
      {"n BETWEEN 1 AND 3", "(n >= 1 and n <= 3)"},
      {"n = 1 OR s = 'x'", "(n = 1 or s = x)"},
      {"NOT (n = 1 AND u > 2)", "not((n = 1 and u > 2))"},
      {"n IN (3, 1, 2.5, 3)", "n in 1 3"},
      {"n NOT IN (1)", "n not in 1"},
      {"n IN (2.5)", "false"},
      {"n NOT IN (2.5)", "true"},
      {"s LIKE 'abc%'", "s starts with abc"},
      {"s LIKE 'abc'", "s = abc"},
      {"s LIKE 'ab_d%'", "(s starts with ab and ?)"},
      {"s LIKE '%x'", "?"},
      {"s LIKE 'a\\\\_b%'", "s starts with a_b"},
      {"s NOT LIKE 'abc%'", "not(s starts with abc)"},
      {"s NOT LIKE 'ab_'", "not((s starts with ab and ?))"},
      {"startsWith(s, 'ab')", "s starts with ab"},
      {"s LIKE s", "?"},
      {"d = '1970-01-11'", "d = 10"},
      {"d >= toDate('1970-01-11')", "d >= 10"},
      {"d IN ('1970-01-11', '1970-01-12')", "d in 10 11"},
      {"d < toDateTime('1970-01-11 00:00:00')", "d < 10"},
      {"d < toDateTime('1970-01-11 10:00:00')", "?"},
      {"t >= '1970-01-02'", "t >= 86400"},
      {"t = toDate('1970-01-02')", "t = 86400"},
      {"n = '7'", "n = 7"},
      {"f < 0.5", "f < 0.5"},
      {"f < nan", "?"},
      {"f IN (nan, 1)", "?"},
      {"b", "b != 0"},
      {"b = true", "b = 1"},
      {"NOT b", "not(b != 0)"},
      {"n", "n != 0"},
      {"n = u", "equals(n, u) != 0"},
      {"rand() = 5", "?"},
      {"1", "true"},
      {"n = 1 AND 0", "(n = 1 and false)"},
      {"n = 1 AND intDiv(10, n) > 2", "(n = 1 and intDiv(10, n) > 2)"},
      {"if(n = 1, u, n)", nullptr},
      {"toYYYYMM(d) = 202401", "toYYYYMM(d) = 202401"},
      {"a = [1, 2]", "a = [...]"},
      {"has(a, 1)", "a has 1"},
      {"hasAny(a, [1, 2])", "(a has 1 or a has 2)"},
      {"hasAll(a, [1, 2])", "(a has 1 and a has 2)"},
      {"hasAny(a, [])", "false"},
      {"hasAll(a, [])", "true"},
      {"empty(s)", "empty(s) != 0"},
  };
  for (const auto& [condition, expected] : cases) {
    if (expected == nullptr) {
      EXPECT_ANY_THROW(Lowered(condition)) << condition;
    } else {
      EXPECT_EQ(Lowered(condition), expected) << condition;
    }
  }
}

TEST(PredicateLowering, LongListsBecomeTheirRange) {
  std::string list;
  for (int i = 0; i < 10001; ++i) list += (i == 0 ? "" : ", ") + std::to_string(i * 2);
  EXPECT_EQ(Lowered("n IN (" + list + ")"), "(n >= 0 and n <= 20000 and ?)");
  EXPECT_EQ(Lowered("n NOT IN (" + list + ")"), "?");
}

// Random conditions over random rows: what a predicate says of a set of rows, by the least and the
// greatest value of each atom's expression, must hold for every one of them.
class RandomConditions {
 public:
  explicit RandomConditions(uint64_t seed) : random_(seed) {}

  std::string Condition(int depth) {
    switch (depth == 0 ? 3 + Pick(6) : Pick(9)) {
      case 0:
        return "(" + Condition(depth - 1) + " AND " + Condition(depth - 1) + ")";
      case 1:
        return "(" + Condition(depth - 1) + " OR " + Condition(depth - 1) + ")";
      case 2:
        return "NOT (" + Condition(depth - 1) + ")";
      case 3:
        return Number() + Comparison() + Constant();
      case 4:
        return Constant() + Comparison() + Number();
      case 5:
        return Number() + (Pick(2) ? " IN (" : " NOT IN (") + Constant() + ", " + Constant() + ")";
      case 6:
        return std::string("s") + (Pick(2) ? " LIKE '" : " NOT LIKE '") + Pattern() + "'";
      case 7:
        return Has();
      default:
        return "s" + Comparison() + "'" + Text() + "'";
    }
  }

  Block Rows(size_t rows) {
    std::vector<Value> n, u, f, s, d, a;
    const size_t longest = 1 + Pick(3);
    for (size_t row = 0; row < rows; ++row) {
      n.push_back(static_cast<int64_t>(Pick(9)) - 4);
      u.push_back(Pick(10) == 0 ? ~uint64_t{0} : uint64_t{Pick(6)});
      f.push_back(Pick(8) == 0 ? NAN : (static_cast<double>(Pick(17)) - 8) / 4);
      s.push_back(Text());
      d.push_back(uint64_t{Pick(5)});
      a.push_back(ValueArray(Pick(longest), Value(uint64_t{Pick(3)})));
    }
    Block block(rows);
    block.Add("n", MakeColumn(TypeId::kInt32, n));
    block.Add("u", MakeColumn(TypeId::kUInt64, u));
    block.Add("f", MakeColumn(TypeId::kFloat32, f));
    block.Add("s", MakeColumn(TypeId::kString, s));
    block.Add("d", MakeColumn(TypeId::kDate, d));
    block.Add("a", MakeColumn(DataType::Array(TypeId::kUInt8), a));
    return block;
  }

  size_t Pick(size_t count) { return random_() % count; }

 private:
  std::string Number() {
    constexpr const char* kNumbers[] = {"n",      "u",     "f",         "n % 3",
                                        "abs(n)", "n + u", "length(s)", "n * f"};
    return kNumbers[Pick(std::size(kNumbers))];
  }
  std::string Has() {
    if (Pick(2)) return "has(a, " + Constant() + ")";
    return std::string(Pick(2) ? "hasAny" : "hasAll") + "(a, [" + Constant() + ", " + Constant() +
           "])";
  }
  std::string Comparison() {
    constexpr const char* kOps[] = {" = ", " != ", " < ", " <= ", " > ", " >= "};
    return kOps[Pick(std::size(kOps))];
  }
  std::string Constant() {
    constexpr const char* kConstants[] = {
        "-3", "-1", "0", "1", "2", "0.5", "-1.25", "nan", "inf", "2.0", "18446744073709551615"};
    return kConstants[Pick(std::size(kConstants))];
  }
  std::string Text() {
    std::string text;
    for (size_t i = Pick(4); i > 0; --i) text += static_cast<char>('a' + Pick(3));
    return text;
  }
  std::string Pattern() {
    std::string pattern = Text();
    constexpr const char* kEnds[] = {"", "%", "_", "%a", "_%"};
    return pattern + kEnds[Pick(std::size(kEnds))];
  }

  std::mt19937_64 random_;
};

ValueRange RangeOf(const Column& column) {
  size_t least = 0, greatest = 0;
  for (size_t row = 1; row < column.size(); ++row) {
    if (column.Compare(row, column, least) < 0) least = row;
    if (column.Compare(row, column, greatest) > 0) greatest = row;
  }
  return {column.ValueAt(least), column.ValueAt(greatest)};
}

TEST(PredicateLowering, NeverExcludesAMatchingRow) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomConditions random(seed);
  size_t excluded = 0, certain = 0, checked = 0;
  for (int round = 0; round < 3000; ++round) {
    const Block block = random.Rows(1 + random.Pick(6));
    const std::string text = random.Condition(3);
    SCOPED_TRACE(text);
    const ExpressionScope scope = ScopeOf(block);
    CompiledExpressionPtr condition;
    try {
      condition = CompileCondition(*sql::ParseExpression(text), scope);
    } catch (const Error&) {
      continue;  // no common type, for example
    }
    const Predicate predicate = LowerPredicate(*condition);
    const Verdict verdict = predicate.Judge([&](const PredicateAtom& atom) {
      const auto expression = Compile(atom.expression, scope);
      EXPECT_EQ(expression->text(), atom.expression);
      return JudgeRange(atom, RangeOf(*expression->Evaluate(block)->Materialize()));
    });
    std::vector<uint8_t> mask(block.rows());
    const size_t matches = ConditionMask(*condition->Evaluate(block), mask);
    if (!verdict.can_be_true) {
      ASSERT_EQ(matches, 0u);
    }
    if (!verdict.can_be_false) {
      ASSERT_EQ(matches, block.rows());
    }
    excluded += !verdict.can_be_true;
    certain += !verdict.can_be_false;
    ++checked;
  }
  EXPECT_GT(checked, 2000u);
  EXPECT_GT(excluded, 100u);
  EXPECT_GT(certain, 100u);
}

}  // namespace
}  // namespace granary
