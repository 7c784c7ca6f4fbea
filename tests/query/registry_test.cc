// Everything in the registries of functions and aggregate functions is called with everything:
// no arguments and several, of every type, constants and columns, arrays of Nothing, no rows and
// several blocks. Whatever comes of it is a value or an error of the user's; nothing crashes (of
// most use under the sanitizers); and a constant gives what a column of the same values gives.
//
// The calls are random but for their seed, which is fixed: GRANARY_SEED replays another run,
// GRANARY_REGISTRY_ROUNDS multiplies the work, GRANARY_REGISTRY_TRACE=1 prints each statement
// before it runs, so that the last one is what crashed.
#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <utility>

#include "database_testing.h"
#include "expr_testing.h"
#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/function_registry.h"
#include "granary/tests/random_seed.h"
#include "registry_values.h"

namespace granary {
namespace {

// Sanitizers slow a statement down tenfold: they get a part of the calls.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kOneOf = 4;
#else
constexpr size_t kOneOf = 1;
#endif

// The first column of a result as text, a row each, or the error.
struct Outcome {
  std::string type;
  std::vector<std::string> rows;
  std::optional<ErrorCode> error;

  bool succeeded() const { return !error.has_value(); }
  std::string Text() const {
    if (error) return std::string(ErrorName(*error));
    std::string text = type + ":";
    for (const std::string& row : rows) text += " " + row.substr(0, 200);
    return text;
  }
};

// What a column may be refused for where its constant is accepted: it is needed when the statement
// is compiled, or is read as a literal of another type.
bool NeedsConstant(ErrorCode code) {
  return code == ErrorCode::kIllegalColumn || code == ErrorCode::kIllegalTypeOfArgument ||
         code == ErrorCode::kNoCommonType;
}

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() : seed_(NumberFromEnvironment("GRANARY_SEED", 20240229)), random_(seed_) {
    std::printf("GRANARY_SEED=%llu replays this run\n", static_cast<unsigned long long>(seed_));
    DatabaseOptions options;
    options.memory_limit_bytes = size_t{256} << 20;
    database_ = OpenInMemory(std::move(options));
    CreateStoredValues();
  }

  // One row per value, two in each part, a granule each.
  void CreateStoredValues() {
    std::string columns = "id UInt64";
    for (size_t i = 0; i < Types().size(); ++i) {
      if (!Types()[i].type.empty()) columns += ", c" + std::to_string(i) + " " + Types()[i].type;
    }
    database_->Execute("CREATE TABLE stored (" + columns +
                       ") ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 1");
    for (size_t first = 0; first < kRegistryRows; first += 2) {
      database_->Execute("INSERT INTO stored " + RowOfConstants(first) + " UNION ALL " +
                         RowOfConstants(first + 1));
    }
  }

  static std::string RowOfConstants(size_t row) {
    std::string sql = "SELECT toUInt64(" + std::to_string(row) + ")";
    for (const RegistryType& type : Types()) {
      if (!type.type.empty()) sql += ", " + ConstantOf(type, row);
    }
    return sql;
  }

  Outcome Run(const std::string& sql) {
    if (is_traced_) std::fprintf(stderr, "%s\n", sql.c_str());
    ++statements_;
    Outcome outcome;
    try {
      Result result = database_->Execute(sql);
      const Block block = result.ReadAll();
      outcome.type = block.column(0)->type().name();
      for (size_t row = 0; row < block.rows(); ++row) {
        outcome.rows.push_back(RowText(*block.column(0), row));
      }
    } catch (const Error& error) {
      outcome.error = error.code();
      EXPECT_NE(error.code(), ErrorCode::kLogicalError) << sql << "\n" << error.what();
      EXPECT_NE(error.code(), ErrorCode::kCorruptedData) << sql << "\n" << error.what();
    } catch (const std::exception& error) {
      outcome.error = ErrorCode::kLogicalError;
      ADD_FAILURE() << "not an Error of the library: " << error.what() << "\n" << sql;
    }
    return outcome;
  }

  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

  // Whether this call is left out.
  bool Skips() { return kOneOf > 1 && Below(kOneOf) != 0; }

  static const std::vector<RegistryType>& Types() { return RegistryTypes(); }

  // An argument that is a column: of the table, or what a table cannot have.
  static std::string ColumnOf(size_t type) {
    return Types()[type].type.empty() ? "materialize(" + Types()[type].values[0] + ")"
                                      : "c" + std::to_string(type);
  }

  size_t Rounds() const { return NumberFromEnvironment("GRANARY_REGISTRY_ROUNDS", 1); }

  const uint64_t seed_;
  std::mt19937_64 random_;
  std::unique_ptr<Database> database_;
  uint64_t statements_ = 0;
  const bool is_traced_ = NumberFromEnvironment("GRANARY_REGISTRY_TRACE", 0) != 0;
};

// Functions

using Arguments = std::vector<std::string>;

std::string Call(const std::string& name, const Arguments& arguments) {
  std::string call = name + "(";
  for (const std::string& argument : arguments) {
    if (&argument != &arguments[0]) call += ", ";
    call += argument;
  }
  return call + ")";
}

// Calls that random arguments hardly come upon; each argument in turn is replaced by all others.
const std::map<std::string, Arguments>& KnownCalls() {
  static const auto* const calls = new std::map<std::string, Arguments>{
      {"CAST", {"255", "'UInt8'"}},
      {"LpDistance", {"[1, 2]", "[2, 3]", "2"}},
      {"accurateCast", {"255", "'UInt8'"}},
      {"arrayReduce", {"'sum'", "[1, 2]"}},
      {"dateDiff", {"'day'", "toDate(1)", "toDate(59)"}},
      {"dateTrunc", {"'day'", "toDateTime(86399)"}},
      {"formatDateTime", {"toDate(59)", "'%Y-%m'"}},
      {"makeDate", {"2024", "2", "29"}},
      {"reinterpret", {"'ab'", "'UInt16'"}},
      {"replaceAll", {"'abcabc'", "'b'", "'xx'"}},
      {"splitByChar", {"','", "'a,b,'"}},
      {"subtractDays", {"toDate(59)", "58"}},
      {"toStartOfInterval", {"toDateTime(86399)", "15", "'minute'"}},
  };
  return *calls;
}

class FunctionRegistryTest : public RegistryTest {
 protected:
  static std::vector<const FunctionDefinition*> Functions() {
    std::vector<const FunctionDefinition*> functions;
    for (const std::string& name : BuiltinFunctions().Names()) {
      const FunctionDefinition* function = BuiltinFunctions().Find(name);
      if (function->name == name) functions.push_back(function);
    }
    return functions;
  }

  // What a call is made of: the columns, and the constants that they have in row `row`.
  struct CallArguments {
    size_t row = 0;
    Arguments columns;
    Arguments constants;
    bool are_stored = true;  // so that row `row` of the columns is the constants
    size_t lambdas = 0;      // that come first

    void Add(size_t type) {
      columns.push_back(ColumnOf(type));
      constants.push_back(ConstantOf(Types()[type], row));
      are_stored = are_stored && !Types()[type].type.empty();
    }
  };

  CallArguments ArgumentsOf(const std::vector<size_t>& types) {
    CallArguments arguments;
    arguments.row = Below(kRegistryRows);
    for (const size_t type : types) arguments.Add(type);
    return arguments;
  }

  // Calls in all shapes; whether any succeeded.
  bool Try(const FunctionDefinition& function, const CallArguments& arguments) {
    const std::string call = Call(function.name, arguments.columns);
    const Outcome stored = Run("SELECT " + call + " FROM stored ORDER BY id");
    EXPECT_TRUE(!stored.succeeded() || stored.rows.size() == kRegistryRows) << call;
    const Outcome constant = Run("SELECT " + Call(function.name, arguments.constants));
    if (!stored.succeeded() && !constant.succeeded()) return false;
    Run("SELECT " + call + " FROM stored WHERE id > 9");
    const bool is_stable =
        function.kind != FunctionKind::kPerRow && function.kind != FunctionKind::kPerStatement;
    if (!is_stable) return true;
    CompareShapes(function.name, arguments, constant);
    if (arguments.are_stored && stored.succeeded() && constant.succeeded()) {
      EXPECT_EQ(stored.rows[arguments.row], constant.rows[0])
          << Call(function.name, arguments.constants);
      EXPECT_EQ(stored.type, constant.type) << call;
    }
    return true;
  }

  // All arguments as columns, and each alone: the result is that of the constants in every row.
  void CompareShapes(const std::string& name, const CallArguments& given, const Outcome& expected) {
    Arguments materialized = given.constants;
    for (size_t i = given.lambdas; i < materialized.size(); ++i) {
      materialized[i] = "materialize(" + materialized[i] + ")";
    }
    for (size_t i = given.lambdas; i <= materialized.size(); ++i) {
      Arguments arguments = i == materialized.size() ? materialized : given.constants;
      if (i < materialized.size()) arguments[i] = materialized[i];
      const std::string sql =
          "SELECT " + Call(name, arguments) + " FROM numbers(3) SETTINGS max_block_size = 2";
      const Outcome outcome = Run(sql);
      if (AreAlike(outcome, expected)) continue;
      ADD_FAILURE() << sql << "\n" << outcome.Text() << "\nbut of constants " << expected.Text();
    }
  }

  static bool AreAlike(const Outcome& of_columns, const Outcome& of_constants) {
    if (!of_columns.succeeded()) {
      return !of_constants.succeeded() || NeedsConstant(*of_columns.error);
    }
    if (!of_constants.succeeded()) {
      // In a column an empty array is a vector that is not there; as a constant it is a mistake.
      return of_constants.error == ErrorCode::kSizesOfArraysDontMatch &&
             of_columns.rows == std::vector<std::string>(3, "nan");
    }
    return of_columns.type == of_constants.type &&
           of_columns.rows == std::vector<std::string>(3, of_constants.rows[0]);
  }

  // Up to four arguments, and one too many or too few; returns whether any call succeeded.
  bool TryPlain(const FunctionDefinition& function) {
    constexpr size_t kMostArguments = 4;
    const size_t most = std::min(function.max_arguments, kMostArguments);
    bool has_succeeded = false;
    std::vector<std::vector<size_t>> fitting;
    for (size_t count = 0; count <= most + 1; ++count) {
      std::vector<std::vector<size_t>> tuples = Candidates(count, fitting);
      const bool takes = count >= function.min_arguments && count <= function.max_arguments;
      if (!takes) tuples.resize(std::min<size_t>(tuples.size(), 1));
      if (takes) fitting.clear();
      for (const std::vector<size_t>& types : tuples) {
        if (count > 1 && Skips()) continue;
        if (!Try(function, ArgumentsOf(types))) continue;
        has_succeeded = true;
        fitting.push_back(types);
      }
    }
    return has_succeeded;
  }

  // Every type for one argument; for two every pair of kinds; for more random ones, and those that
  // have fitted with one more.
  std::vector<std::vector<size_t>> Candidates(size_t count,
                                              const std::vector<std::vector<size_t>>& fitting) {
    std::vector<std::vector<size_t>> tuples;
    if (count == 0) return {{}};
    for (size_t type = 0; type < Types().size(); ++type) tuples.emplace_back(count, type);
    if (count == 1) return tuples;
    constexpr size_t kRandomTuples = 60, kExtended = 60;
    if (count == 2) AddPairsOfKinds(tuples);
    for (size_t i = 0; i < kRandomTuples * Rounds(); ++i) {
      std::vector<size_t> types(count);
      for (size_t& type : types) type = Below(Types().size());
      tuples.push_back(std::move(types));
    }
    for (size_t i = 0; !fitting.empty() && i < kExtended * Rounds(); ++i) {
      std::vector<size_t> types = fitting[Below(fitting.size())];
      types.resize(count, Below(Types().size()));
      tuples.push_back(std::move(types));
    }
    return tuples;
  }

  void AddPairsOfKinds(std::vector<std::vector<size_t>>& tuples) {
    std::map<std::string, std::vector<size_t>> kinds;
    for (size_t type = 0; type < Types().size(); ++type) {
      std::string kind = Types()[type].type;
      std::erase_if(kind, [](char c) { return c >= '0' && c <= '9'; });
      if (kind.starts_with('U') || kind.starts_with('I') || kind == "Bool") kind = "integer";
      kinds[kind].push_back(type);
    }
    for (const auto& [a, firsts] : kinds) {
      for (const auto& [b, seconds] : kinds) {
        tuples.push_back({firsts[Below(firsts.size())], seconds[Below(seconds.size())]});
      }
    }
  }

  bool TryHigherOrder(const FunctionDefinition& function) {
    const std::vector<std::string> kOfOne = {
        "x -> x",     "x -> 1",         "x -> x = x", "x -> toString(x)", "x -> id > 1",
        "x -> x > 2", "x -> length(x)", "x -> [x]",   "x -> [][1]",       "x -> rand() % 2"};
    const std::vector<std::string> kOfTwo = {"(x, y) -> x", "(x, y) -> y > 1", "(x, y) -> [x]",
                                             "(x, y) -> x = y"};
    bool has_succeeded = false;
    const auto try_lambda = [&](const std::string& lambda, const std::vector<size_t>& types) {
      if (Skips()) return;
      CallArguments arguments = ArgumentsOf(types);
      arguments.columns.insert(arguments.columns.begin(), lambda);
      arguments.constants.insert(arguments.constants.begin(), lambda);
      arguments.lambdas = 1;
      if (lambda.find("rand") == lambda.npos) {
        has_succeeded |= Try(function, arguments);
      } else {
        Run("SELECT " + Call(function.name, arguments.columns) + " FROM stored");
      }
    };
    for (size_t type = 0; type < Types().size(); ++type) {
      if (!Types()[type].type.starts_with("Array") && !Types()[type].type.empty()) continue;
      for (const std::string& lambda : kOfOne) try_lambda(lambda, {type});
      for (const std::string& lambda : kOfTwo) {
        try_lambda(lambda, {type, type});
        try_lambda(lambda, {type, Below(Types().size())});
      }
    }
    return has_succeeded;
  }

  bool TryKnownCall(const FunctionDefinition& function, const Arguments& call) {
    CallArguments known;
    known.columns = known.constants = call;
    const bool has_succeeded = Try(function, known);
    for (size_t i = 0; i < call.size(); ++i) {
      for (size_t type = 0; type < Types().size(); ++type) {
        CallArguments arguments = known;
        arguments.row = Below(kRegistryRows);
        arguments.columns[i] = ColumnOf(type);
        arguments.constants[i] = ConstantOf(Types()[type], arguments.row);
        arguments.are_stored = !Types()[type].type.empty();
        Try(function, arguments);
      }
    }
    return has_succeeded;
  }
};

TEST_F(FunctionRegistryTest, EveryFunctionTakesOrRefusesWhateverItIsGiven) {
  for (const FunctionDefinition* function : Functions()) {
    bool has_succeeded = TryPlain(*function);
    if (function->kind == FunctionKind::kHigherOrder) has_succeeded |= TryHigherOrder(*function);
    if (const auto known = KnownCalls().find(function->name); known != KnownCalls().end()) {
      has_succeeded |= TryKnownCall(*function, known->second);
    }
    EXPECT_TRUE(has_succeeded || kOneOf > 1) << "no call of " << function->name << " was accepted";
  }
  std::printf("%llu statements\n", static_cast<unsigned long long>(statements_));
}

// Aggregate functions

class AggregateRegistryTest : public RegistryTest {
 protected:
  // Whether the call over the stored values succeeded.
  bool Try(const std::string& function, const Arguments& columns, const Arguments& constants) {
    const std::string call = Call(function, columns);
    const Outcome all = Run("SELECT " + call + " FROM stored");
    Run("SELECT " + call + " FROM stored SETTINGS max_threads = 2, max_block_size = 1");
    const Outcome of_none = Run("SELECT " + call + " FROM stored WHERE id > 9");
    if (!all.succeeded()) return false;
    EXPECT_EQ(all.rows.size(), 1u) << call;
    EXPECT_TRUE(of_none.succeeded()) << call << ": " << of_none.Text();
    const Outcome groups = Run("SELECT " + call + ", id % 2 AS k FROM stored GROUP BY k");
    EXPECT_EQ(groups.rows.size(), 2u) << call;
    Run("SELECT " + call + ", id % 2 AS k FROM stored WHERE id > 9 GROUP BY k");
    CompareShapes(function, constants);
    return true;
  }

  // Constants count as columns of the same values do, in one group and in several.
  void CompareShapes(const std::string& function, const Arguments& constants) {
    Arguments materialized;
    for (const std::string& constant : constants) {
      materialized.push_back("materialize(" + constant + ")");
    }
    for (const std::string& rest : {std::string(" FROM numbers(5)"),
                                    std::string(" FROM numbers(5) SETTINGS max_block_size = 2"),
                                    std::string(" FROM numbers(7) GROUP BY number % 3 ORDER BY "
                                                "number % 3"),
                                    std::string(" FROM numbers(5) WHERE number > 9")}) {
      const std::string sql = "SELECT " + Call(function, constants) + rest;
      const Outcome of_constants = Run(sql);
      const Outcome of_columns = Run("SELECT " + Call(function, materialized) + rest);
      EXPECT_EQ(of_constants.Text(), of_columns.Text()) << sql;
    }
  }

  // With columns of these types and constants of them; if_types: a condition comes last.
  bool TryTypes(const std::string& function, const std::vector<size_t>& types, bool has_condition) {
    Arguments columns, constants;
    const size_t row = Below(kRegistryRows);
    for (const size_t type : types) {
      columns.push_back(ColumnOf(type));
      constants.push_back(ConstantOf(Types()[type], row));
    }
    if (has_condition) {
      columns.push_back("id % 3 = 1");
      constants.push_back(Below(2) == 0 ? "1" : "0");
    }
    return Try(function, columns, constants);
  }
};

TEST_F(AggregateRegistryTest, EveryAggregateTakesOrRefusesWhateverItIsGiven) {
  const std::vector<std::string> kParameters = {"(0.5)",
                                                "(0)",
                                                "(1)",
                                                "(2)",
                                                "(-1)",
                                                "('x')",
                                                "(nan)",
                                                "(0.1, 0.9)",
                                                "([1])",
                                                "()",
                                                "(18446744073709551615)",
                                                "([][1])"};
  for (const std::string& name : AggregateFunctionNames()) {
    bool has_succeeded = false;
    for (const std::string combinator : {"", "If", "Distinct", "DistinctIf"}) {
      const bool has_condition = combinator.ends_with("If");
      const std::string function = name + combinator;
      has_succeeded |= TryTypes(function, {}, has_condition);
      TryTypes(function, {}, false);
      for (size_t type = 0; type < Types().size(); ++type) {
        if (Skips()) continue;
        has_succeeded |= TryTypes(function, {type}, has_condition);
        has_succeeded |= TryTypes(function, {Below(Types().size()), type}, has_condition);
        const std::string& parameters = kParameters[type % kParameters.size()];
        has_succeeded |= TryTypes(function + parameters, {Below(Types().size())}, has_condition);
        Run("SELECT arrayReduce('" + function + "', " + ColumnOf(type) + ") FROM stored");
        Run("SELECT " + function + "(DISTINCT " + ColumnOf(type) + ") FROM stored");
      }
      for (const std::string& parameters : kParameters) TryTypes(function + parameters, {}, false);
      TryTypes(function, {Below(Types().size()), Below(Types().size()), 0}, has_condition);
    }
    EXPECT_TRUE(has_succeeded || kOneOf > 1) << "no call of " << name << " was accepted";
  }
  std::printf("%llu statements\n", static_cast<unsigned long long>(statements_));
}

}  // namespace
}  // namespace granary
