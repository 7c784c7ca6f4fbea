#include "signatures.h"

#include <algorithm>
#include <set>

#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/function_registry.h"
#include "granary/query/sql/parser.h"
#include "random.h"

namespace granary::differential {
namespace {

constexpr size_t kSignaturesMax = 250;
constexpr size_t kTriesOfMany = 2500;  // for three and more arguments

// Their last digits depend on the mathematical library, or on the order of summation.
bool IsExactFunction(const std::string& name) {
  static const std::set<std::string, std::less<>> kInexact = {"exp",
                                                              "exp2",
                                                              "exp10",
                                                              "log",
                                                              "ln",
                                                              "log2",
                                                              "log10",
                                                              "log1p",
                                                              "sin",
                                                              "cos",
                                                              "tan",
                                                              "asin",
                                                              "acos",
                                                              "atan",
                                                              "atan2",
                                                              "sinh",
                                                              "cosh",
                                                              "tanh",
                                                              "asinh",
                                                              "acosh",
                                                              "atanh",
                                                              "erf",
                                                              "erfc",
                                                              "tgamma",
                                                              "lgamma",
                                                              "pow",
                                                              "power",
                                                              "cbrt",
                                                              "hypot",
                                                              "degrees",
                                                              "radians",
                                                              "arrayAvg",
                                                              "arraySum",
                                                              "norm",
                                                              "arrayProduct",
                                                              "dotProduct",
                                                              "scalarProduct",
                                                              "arrayDotProduct",
                                                              "arrayCumSum",
                                                              "arrayReduce"};
  if (kInexact.contains(name)) return false;
  for (const char* part : {"istance", "Norm", "norm"}) {
    if (name.find(part) != name.npos) return false;
  }
  return true;
}

bool IsExactAggregate(const std::string& name) {
  for (const char* part : {"sum", "avg", "var", "stddev", "quantile", "median"}) {
    if (name.starts_with(part)) return false;
  }
  return true;
}

bool DependsOnOrder(const std::string& name) {
  static const std::set<std::string, std::less<>> kOrdered = {
      "any",        "anyLast",   "any_value", "first_value", "last_value",
      "groupArray", "array_agg", "argMin",    "argMax",      "groupUniqArray"};
  return kOrdered.contains(name);
}

bool Compiles(const std::string& text, const ExpressionScope& scope) {
  try {
    CompileExpression(*sql::ParseExpression(text), scope);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool TakesSlots(const std::string& name, const Signature& signature, const ExpressionScope& scope) {
  std::string text = name + "(";
  for (size_t i = 0; i < signature.size(); ++i) {
    const std::vector<std::string>& samples = Slots()[signature[i]].samples;
    text += (i == 0 ? "" : ", ") + samples[i % samples.size()];
  }
  return Compiles(text + ")", scope);
}

// All signatures of up to two arguments, a sample of the longer ones.
std::vector<Signature> SignaturesToTry(size_t arguments, Random& random) {
  const size_t slots = Slots().size();
  std::vector<Signature> signatures;
  if (arguments <= 2) {
    const size_t count = arguments == 0 ? 1 : arguments == 1 ? slots : slots * slots;
    for (size_t i = 0; i < count; ++i) {
      Signature signature;
      if (arguments > 0) signature.push_back(static_cast<uint8_t>(i % slots));
      if (arguments > 1) signature.push_back(static_cast<uint8_t>(i / slots));
      signatures.push_back(signature);
    }
    return signatures;
  }
  for (size_t i = 0; i < kTriesOfMany; ++i) {
    Signature signature;
    for (size_t j = 0; j < arguments; ++j) {
      signature.push_back(static_cast<uint8_t>(random.Below(slots)));
    }
    signatures.push_back(signature);
  }
  return signatures;
}

CallableFunction FindFunction(const std::string& name, const FunctionDefinition& definition,
                              const ExpressionScope& scope) {
  CallableFunction function{
      .name = name,
      .min_arguments = definition.min_arguments,
      .max_arguments = std::min(definition.max_arguments, definition.min_arguments + 3),
      .takes_lambda = definition.kind == FunctionKind::kHigherOrder,
      .is_exact = IsExactFunction(name)};
  Random random(1);
  for (size_t arguments = function.min_arguments; arguments <= function.max_arguments;
       ++arguments) {
    std::vector<Signature> taken;
    for (const Signature& signature : SignaturesToTry(arguments, random)) {
      if (TakesSlots(name, signature, scope)) taken.push_back(signature);
    }
    while (taken.size() > kSignaturesMax) {
      taken[random.Below(taken.size())] = taken.back();
      taken.pop_back();
    }
    function.signatures.insert(function.signatures.end(), taken.begin(), taken.end());
  }
  return function;
}

const std::vector<std::pair<std::string, std::vector<Value>>>& AggregateParameters() {
  static const std::vector<std::pair<std::string, std::vector<Value>>> kParameters = {
      {"", {}},
      {"(0.5)", {Value(0.5)}},
      {"(0)", {Value(uint64_t{0})}},
      {"(3)", {Value(uint64_t{3})}},
      {"(0.25, 0.9)", {Value(0.25), Value(0.9)}}};
  return kParameters;
}

bool AggregateTakes(const std::string& name, const std::vector<Value>& parameters,
                    const Signature& signature) {
  std::vector<DataType> types;
  for (const uint8_t slot : signature) {
    if (Slots()[slot].types.empty()) return false;
    types.push_back(DataType::Parse(Slots()[slot].types.front()));
  }
  try {
    BindAggregateFunction(name, parameters, types);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

const std::vector<std::pair<std::string, std::string>>& PlainColumns() {
  static const std::vector<std::pair<std::string, std::string>> kColumns = {
      {"id", "UInt32"},
      {"u8", "UInt8"},
      {"u16", "UInt16"},
      {"u32", "UInt32"},
      {"u64", "UInt64"},
      {"i8", "Int8"},
      {"i16", "Int16"},
      {"i32", "Int32"},
      {"i64", "Int64"},
      {"f32", "Float32"},
      {"f64", "Float64"},
      {"bf", "BFloat16"},
      {"b", "Bool"},
      {"s", "String"},
      {"z", "String"},
      {"d", "Date"},
      {"e", "Date"},
      {"dt", "DateTime"},
      {"du", "DateTime"},
      {"au8", "Array(UInt8)"},
      {"ai16", "Array(Int16)"},
      {"ai64", "Array(Int64)"},
      {"au64", "Array(UInt64)"},
      {"af32", "Array(Float32)"},
      {"af64", "Array(Float64)"},
      {"ax", "Array(String)"},
      {"ad", "Array(Date)"},
      {"ab", "Array(Bool)"},
      {"aa", "Array(Array(Int32))"},
      {"v", "Array(Float32)"}};
  return kColumns;
}

ExpressionScope PlainScope() {
  ExpressionScope scope;
  for (const auto& [name, type] : PlainColumns()) scope.AddColumn(name, DataType::Parse(type));
  scope.context.now = std::chrono::system_clock::time_point(std::chrono::seconds(1704067200));
  return scope;
}

const std::vector<Slot>& Slots() {
  static const std::vector<Slot> kSlots = {
      {"integer",
       {"UInt8", "Int8", "UInt16", "Int16", "UInt32", "Int32", "UInt64", "Int64"},
       {},
       {"u8", "i64", "u16"}},
      {"float", {"Float64", "Float32", "BFloat16"}, {}, {"f64", "f32"}},
      {"bool", {"Bool"}, {}, {"b"}},
      {"string", {"String"}, {}, {"s", "z"}},
      {"date", {"Date"}, {}, {"d", "e"}},
      {"datetime", {"DateTime"}, {}, {"dt", "du"}},
      {"integers",
       {"Array(UInt8)", "Array(Int16)", "Array(Int64)", "Array(UInt64)"},
       {},
       {"au8", "ai64"}},
      {"floats", {"Array(Float64)", "Array(Float32)"}, {}, {"af64", "af32"}},
      {"strings", {"Array(String)"}, {}, {"ax"}},
      {"dates", {"Array(Date)", "Array(Bool)"}, {}, {"ad"}},
      {"nested", {"Array(Array(Int32))"}, {}, {"aa"}},
      {"small", {}, {"0", "1", "2", "3", "5", "-1", "-2", "9", "10", "64", "255"}, {"2"}},
      {"unit",
       {},
       {"'second'", "'minute'", "'hour'", "'day'", "'week'", "'month'", "'quarter'", "'year'",
        "'Month'", "'dd'", "'nonsense'"},
       {"'day'"}},
      {"type",
       {},
       {"'UInt8'", "'Int8'", "'UInt16'", "'Int32'", "'UInt64'", "'Int64'", "'Float32'", "'Float64'",
        "'String'", "'Bool'", "'Date'", "'DateTime'", "'Array(UInt8)'", "'Array(Float64)'",
        "'Array(String)'", "'BFloat16'"},
       {"'UInt32'"}},
      {"aggregate",
       {},
       {"'sum'", "'max'", "'min'", "'avg'", "'count'", "'uniqExact'", "'any'", "'median'",
        "'groupArray'", "'quantile(0.9)'", "'varPop'", "'argMin'", "'sumIf'"},
       {"'max'", "'argMax'"}},
      {"format",
       {},
       {"'%Y-%m-%d'", "'%H:%i:%S'", "'%d/%m/%y %h %p'", "'%j %u %w %V %G %Q'", "'%a %b %e %M'",
        "'%F %T %D %R %%'", "'%C%g%I%k%l%n%r%s%t%W%f%z'", "'{}-{}'", "'{1} {0} {1}'"},
       {"'%Y'", "'{}'"}},
      {"text",
       {},
       {"''", "','", "' '", "'a'", "'A'", "'ab'", "'%a%'", "'_b%'", "'a\\\\%'", "'1'", "'UTC'",
        "'\\xFF'", "'\xD0\x9F'", "'.'", "'lo'", "'2024-02-29'"},
       {"','", "'a'"}},
      {"empty", {}, {"[]"}, {"[]"}}};
  return kSlots;
}

std::vector<CallableFunction> FindFunctions(const std::vector<std::string>& names) {
  // They tell of the session and the moment, or their columns are of random length.
  static const std::set<std::string, std::less<>> kLeftOut = {"currentDatabase", "timeZone"};
  const FunctionRegistry& registry = BuiltinFunctions();
  const std::set<std::string, std::less<>> theirs(names.begin(), names.end());
  const ExpressionScope scope = PlainScope();
  std::vector<CallableFunction> functions;
  for (const std::string& name : registry.Names()) {
    const FunctionDefinition* definition = registry.Find(name);
    const bool varies = definition->kind == FunctionKind::kPerRow ||
                        definition->kind == FunctionKind::kPerStatement;
    if (!theirs.contains(name) || varies || kLeftOut.contains(name)) continue;
    functions.push_back(FindFunction(name, *definition, scope));
  }
  return functions;
}

std::vector<CallableAggregate> FindAggregates(const std::vector<std::string>& names) {
  const std::set<std::string, std::less<>> theirs(names.begin(), names.end());
  std::vector<CallableAggregate> aggregates;
  for (const std::string& name : AggregateFunctionNames()) {
    if (!theirs.contains(name)) continue;
    CallableAggregate aggregate{
        .name = name, .is_exact = IsExactAggregate(name), .depends_on_order = DependsOnOrder(name)};
    Random random(1);
    for (const auto& [text, parameters] : AggregateParameters()) {
      for (size_t arguments = 0; arguments <= 2; ++arguments) {
        for (const Signature& signature : SignaturesToTry(arguments, random)) {
          if (AggregateTakes(name, parameters, signature)) {
            aggregate.forms.push_back({text, signature});
          }
        }
      }
    }
    aggregates.push_back(std::move(aggregate));
  }
  return aggregates;
}

}  // namespace granary::differential
