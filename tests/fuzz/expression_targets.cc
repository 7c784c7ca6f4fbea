// Expressions and aggregate functions over columns of every type, made call by call: each takes
// what earlier calls have given, so that most of them fit. And query parameters as text.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/expressions/parameters.h"
#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/function_registry.h"
#include "granary/query/sql/parser.h"
#include "granary/tests/fuzz/choices.h"
#include "granary/tests/fuzz/targets.h"

namespace granary::fuzz {
namespace {

constexpr size_t kRows = 6;

ColumnPtr MakeColumn(const DataType& type, const std::vector<Value>& values) {
  const auto builder = ColumnBuilder::Create(type);
  for (size_t row = 0; row < kRows; ++row) builder->Append(values[row % values.size()]);
  return builder->Finish();
}

// A column of every type, with the values that are awkward in it.
const Block& Columns() {
  static const Block block = [] {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    const auto array = [](const DataType& element) { return DataType::Array(element); };
    Block all(kRows);
    const auto add = [&](const char* name, const DataType& type, const std::vector<Value>& values) {
      all.Add(name, MakeColumn(type, values));
    };
    add("i8", TypeId::kInt8, {int64_t{-128}, int64_t{127}, int64_t{0}, int64_t{-1}});
    add("i16", TypeId::kInt16, {int64_t{3}, int64_t{-32768}, int64_t{2}});
    add("i32", TypeId::kInt32, {int64_t{1}, int64_t{INT32_MIN}, int64_t{INT32_MAX}, int64_t{-7}});
    add("i64", TypeId::kInt64, {int64_t{5}, INT64_MIN, INT64_MAX, int64_t{-1}, int64_t{0}});
    add("u8", TypeId::kUInt8, {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{255}});
    add("u16", TypeId::kUInt16, {uint64_t{9}, uint64_t{65535}, uint64_t{0}});
    add("u32", TypeId::kUInt32, {uint64_t{4}, uint64_t{0}, uint64_t{4294967295}});
    add("u64", TypeId::kUInt64, {uint64_t{2}, UINT64_MAX, uint64_t{1} << 63, uint64_t{0}});
    add("f32", TypeId::kFloat32, {1.5, -0.0, nan, inf, -3e38});
    add("f64", TypeId::kFloat64, {0.1, nan, -inf, 1e300, -2.5, 5e-324});
    add("g16", TypeId::kBFloat16, {1.0, -0.5, inf, nan});
    add("b", TypeId::kBool, {uint64_t{1}, uint64_t{0}});
    add("s", TypeId::kString,
        {Value(""), Value("abc"), Value("\xc3\xa9\xff"), Value("12"), Value("2024-02-29 23:59:58"),
         Value("%a_b\\")});
    add("d", TypeId::kDate, {uint64_t{19782}, uint64_t{0}, uint64_t{65535}});
    add("t", TypeId::kDateTime, {uint64_t{1709251199}, uint64_t{0}, uint64_t{4294967295}});
    add("ai", array(TypeId::kInt32),
        {ValueArray{int64_t{1}, int64_t{-2}}, ValueArray{}, ValueArray{int64_t{INT32_MIN}}});
    add("af", array(TypeId::kFloat32),
        {ValueArray{1.0, nan}, ValueArray{0.5, -1.5}, ValueArray{}, ValueArray{inf, 1e30}});
    add("ag", array(TypeId::kFloat64), {ValueArray{1.0, 2.0}, ValueArray{-1.0, 0.0}});
    add("as", array(TypeId::kString),
        {ValueArray{}, ValueArray{Value("x"), Value("")}, ValueArray{Value("abc")}});
    add("aai", array(array(TypeId::kUInt8)),
        {ValueArray{}, ValueArray{ValueArray{}, ValueArray{uint64_t{7}, uint64_t{255}}}});
    add("ad", array(TypeId::kDate), {ValueArray{uint64_t{1}, uint64_t{65535}}, ValueArray{}});
    return all;
  }();
  return block;
}

// What functions are bound with to find out what they take.
struct Sample {
  DataType type;
  const char* literal = nullptr;  // null: any column of such a type
};

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = {{TypeId::kInt64},
                                              {TypeId::kFloat64},
                                              {TypeId::kString},
                                              {TypeId::kDate},
                                              {TypeId::kDateTime},
                                              {DataType::Array(TypeId::kFloat32)},
                                              {TypeId::kUInt8, "2"},
                                              {TypeId::kString, "'day'"},
                                              {TypeId::kString, "'Int32'"},
                                              {TypeId::kString, "'%F %T'"},
                                              {DataType::Array(TypeId::kString)},
                                              {DataType::Array(TypeId::kNothing), "[]"}};
  return samples;
}

constexpr const char* kNumbers[] = {"0",    "1",    "2",   "3",    "-1",  "7",
                                    "255",  "-128", "100", "1000", "0.5", "-2.5",
                                    "1e10", "nan",  "inf", "true", "64",  "65535"};
constexpr const char* kHugeNumbers[] = {"18446744073709551615", "-9223372036854775808",
                                        "9223372036854775807", "4294967296", "1e300"};
constexpr const char* kTexts[] = {"''",      "'a'",      "'day'",      "'month'",
                                  "'hour'",  "'Int32'",  "'String'",   "'Array(Float32)'",
                                  "'%F %T'", "'%'",      "'a%_\\\\'",  "'2024-01-31'",
                                  "'UTC'",   "'1,2,,3'", "'\xc3\xa9'", "'sum'",
                                  "','",     "'-12.5'",  "'[1, 2]'",   "'abcabcabc'"};
constexpr const char* kArrays[] = {"[]",       "[1]",   "[1, -2, 3]", "['a', '']", "[[], [1]]",
                                   "[0.5, 2]", "[nan]", "[[]]",       "range(3)",  "[true, false]"};
constexpr const char* kLambdas[] = {"x -> x",
                                    "x -> x > 1",
                                    "x -> toString(x)",
                                    "x -> x + 1",
                                    "x -> length(x)",
                                    "x -> [x]",
                                    "x -> x = x AND i64 > 0",
                                    "x -> -x",
                                    "x -> []",
                                    "x -> 1",
                                    "(x, y) -> x",
                                    "(x, y) -> x = y",
                                    "x -> arrayMap(y -> y, [x, x])",
                                    "x -> if(x = x, s, '')"};

// Sorted into kinds that functions do not tell apart.
int KindOf(const DataType& type) {
  if (type.is_array()) return 100 + (type.element().is_number() ? 0 : KindOf(type.element()));
  if (type.is_integer() || type.id() == TypeId::kBool) return 1;
  if (type.is_float()) return 2;
  return 10 + static_cast<int>(type.id());
}

using Signature = std::vector<uint8_t>;  // numbers of samples

bool Binds(const FunctionDefinition& function, const Signature& signature) {
  std::vector<FunctionArgument> arguments;
  for (const uint8_t number : signature) {
    const Sample& sample = Samples()[number];
    ColumnPtr constant;
    if (sample.literal != nullptr) {
      constant = EvaluateConstantAs(*sql::ParseExpression(sample.literal), sample.type, {});
    }
    arguments.push_back({sample.type, constant});
  }
  try {
    BuiltinFunctions().Bind(function.name, arguments, {});
    return true;
  } catch (const Error&) {
    return false;
  }
}

// What a function takes, of up to three arguments: all of up to two, and some of three.
std::vector<Signature> FindSignatures(const FunctionDefinition& function) {
  std::vector<Signature> found;
  const auto add = [&](const Signature& signature) {
    const bool fits =
        signature.size() >= function.min_arguments && signature.size() <= function.max_arguments;
    if (fits && Binds(function, signature)) found.push_back(signature);
  };
  const auto count = static_cast<uint8_t>(Samples().size());
  add({});
  for (uint8_t a = 0; a < count; ++a) {
    add({a});
    for (uint8_t b = 0; b < count; ++b) {
      add({a, b});
      for (const int step : {0, 1, 5, 6}) add({a, b, static_cast<uint8_t>((b + step) % count)});
    }
  }
  return found;
}

const std::vector<Signature>& SignaturesOf(const std::string& name) {
  static auto* const known = new std::map<std::string, std::vector<Signature>>;
  const auto [it, is_new] = known->try_emplace(name);
  if (is_new) it->second = FindSignatures(BuiltinFunctions().Get(name));
  return it->second;
}

const std::vector<std::string>& FunctionNames() {
  static const std::vector<std::string> names = BuiltinFunctions().Names();
  return names;
}

ExpressionScope Scope() {
  ExpressionScope scope;
  for (const NamedColumn& column : Columns().columns()) {
    scope.AddColumn(column.name, column.column->type());
  }
  scope.context.now = std::chrono::system_clock::time_point(std::chrono::seconds(1714521600));
  return scope;
}

// Something that calls can take.
struct Term {
  std::string text;
  DataType type;
  bool is_random = false;  // not the same each time
};

class ExpressionMaker {
 public:
  explicit ExpressionMaker(Input input) : choices_(input) {
    for (const NamedColumn& column : Columns().columns()) {
      terms_.push_back({column.name, column.column->type()});
    }
  }

  // The next call whose text compiles, or nothing at the end.
  std::optional<Term> Next() {
    while (!choices_.empty()) {
      Term call = MakeCall();
      if (call.text.size() <= kTextMax) return call;
    }
    return std::nullopt;
  }
  void Keep(Term term) { terms_.push_back(std::move(term)); }

 private:
  static constexpr size_t kTextMax = 600;

  const Term& TermOf(int kind) {
    const size_t start = choices_.Below(terms_.size());
    for (size_t i = 0; i < terms_.size(); ++i) {
      // The newest first, so that calls nest.
      const Term& term = terms_[terms_.size() - 1 - (start + i) % terms_.size()];
      if (KindOf(term.type) == kind) return term;
    }
    return terms_[start];
  }

  Term Literal(const DataType& type) {
    if (type.is_array()) return {choices_.Of(kArrays), type};
    if (type.is_string() && choices_.OneIn(4)) {
      const std::string text = choices_.Text(12);
      return {ValueToSql(Value(text), TypeId::kString), type};
    }
    if (type.is_string()) return {choices_.Of(kTexts), type};
    if (type.id() == TypeId::kDate) return {"toDate('2024-02-29')", type};
    if (type.id() == TypeId::kDateTime) return {"toDateTime('2024-02-29 12:30:00')", type};
    if (choices_.OneIn(8)) return {choices_.Of(kHugeNumbers), type};
    return {choices_.Of(kNumbers), type};
  }

  Term Argument(const Sample& sample) {
    if (sample.literal != nullptr) {
      return choices_.OneIn(3) ? Literal(sample.type) : Term{sample.literal, sample.type};
    }
    return choices_.OneIn(4) ? Literal(sample.type) : TermOf(KindOf(sample.type));
  }

  Term MakeCall() {
    const std::string& name = FunctionNames()[choices_.Below(FunctionNames().size())];
    const FunctionDefinition& function = BuiltinFunctions().Get(name);
    std::vector<Term> arguments;
    if (function.kind == FunctionKind::kHigherOrder && !choices_.OneIn(4)) {
      arguments.push_back({choices_.Of(kLambdas), TypeId::kNothing});
      const size_t arrays = 1 + choices_.OneIn(4);
      for (size_t i = 0; i < arrays; ++i) {
        arguments.push_back(Argument({DataType::Array(TypeId::kFloat32)}));
      }
    } else {
      const std::vector<Signature>& signatures = SignaturesOf(name);
      if (signatures.empty()) return {"1", TypeId::kUInt8};
      for (const uint8_t sample : signatures[choices_.Below(signatures.size())]) {
        arguments.push_back(Argument(Samples()[sample]));
      }
    }
    Term call{name + "(", {}, function.kind == FunctionKind::kPerRow};
    for (const Term& argument : arguments) {
      if (&argument != &arguments.front()) call.text += ", ";
      call.text += argument.text;
      call.is_random |= argument.is_random;
    }
    call.text += ')';
    return call;
  }

  Choices choices_;
  std::vector<Term> terms_;
};

void ExpectRows(const Column& column, const DataType& type, size_t rows, const std::string& text) {
  Expect(column.type() == type,
         [&] { return text + " is of type " + column.type().name() + ", not " + type.name(); });
  Expect(column.size() == rows, [&] {
    return text + " has " + std::to_string(column.size()) + " rows, not " + std::to_string(rows);
  });
}

void ExpectEqualRows(const Column& a, size_t first_row, const Column& b, const std::string& text) {
  const ColumnPtr left = a.Materialize();
  const ColumnPtr right = b.Materialize();
  for (size_t row = 0; row < right->size(); ++row) {
    Expect(left->Compare(first_row + row, *right, row) == 0,
           [&] { return text + " differs in row " + std::to_string(first_row + row); });
  }
}

// Rows do not know of each other: pieces of the block give the pieces of the result.
void CheckPieces(const CompiledExpression& compiled, const Column& whole) {
  for (const auto& [first, count] : {std::pair<size_t, size_t>{0, 1}, {1, 3}, {4, 2}}) {
    const ColumnPtr piece = compiled.Evaluate(Columns().Slice(first, count));
    ExpectRows(*piece, compiled.type(), count, compiled.text());
    ExpectEqualRows(whole, first, *piece, compiled.text() + " in pieces");
  }
}

// The canonical text means the same.
void CheckText(const CompiledExpression& compiled, const Column& whole,
               const ExpressionScope& scope) {
  CompiledExpressionPtr again;
  try {
    again = CompileExpression(*sql::ParseExpression(compiled.text()), scope);
  } catch (const Error& error) {
    throw Finding("its own text does not compile: " + compiled.text() + "\n" + error.what());
  }
  Expect(again->text() == compiled.text() && again->type() == compiled.type(),
         [&] { return "another expression the second time: " + compiled.text(); });
  ExpectEqualRows(whole, 0, *again->Evaluate(Columns()), compiled.text() + " from its own text");
}

// What grows with each call is not handed on.
constexpr size_t kTermBytesMax = 4096;

bool Evaluate(Term& term, const ExpressionScope& scope, bool& is_small) {
  CompiledExpressionPtr compiled;
  ColumnPtr whole;
  try {
    compiled = CompileExpression(*sql::ParseExpression(term.text), scope);
    whole = compiled->Evaluate(Columns());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kLogicalError) throw Finding(term.text + ": " + error.what());
    return false;
  }
  ExpectRows(*whole, compiled->type(), kRows, term.text);
  is_small = whole->byte_size() <= kTermBytesMax;
  term.type = compiled->type();
  if (!term.is_random && is_small) {
    CheckPieces(*compiled, *whole);
    CheckText(*compiled, *whole, scope);
  }
  return true;
}

bool EvaluateExpressions(Input input) {
  const ExpressionScope scope = Scope();
  ExpressionMaker maker(input);
  bool has_evaluated = false;
  for (size_t calls = 0; calls < 24; ++calls) {
    std::optional<Term> term = maker.Next();
    if (!term) break;
    bool is_small = false;
    if (!Evaluate(*term, scope, is_small)) continue;
    has_evaluated = true;
    if (is_small) maker.Keep(std::move(*term));
  }
  return has_evaluated;
}

// ---- Aggregate functions ----

const std::vector<std::string>& AggregateNames() {
  static const std::vector<std::string> names = AggregateFunctionNames();
  return names;
}

std::vector<Value> MakeParameters(Choices& choices) {
  static const std::vector<std::vector<Value>> lists = {{},
                                                        {},
                                                        {},
                                                        {},
                                                        {},
                                                        {},
                                                        {},
                                                        {},
                                                        {0.5},
                                                        {uint64_t{3}},
                                                        {0.1, 0.9},
                                                        {uint64_t{0}},
                                                        {1.5},
                                                        {int64_t{-1}},
                                                        {Value("x")},
                                                        {uint64_t{1000000}},
                                                        {ValueArray{}}};
  return choices.Of(lists);
}

struct AggregateCase {
  AggregateFunctionPtr function;
  std::vector<ColumnPtr> arguments;
  std::string text;
};

ColumnPtr ArgumentColumn(Choices& choices, std::string& text) {
  if (choices.OneIn(8)) {
    text += "[]";
    return MakeConstant(DataType::Array(TypeId::kNothing), ValueArray{}, kRows);
  }
  const NamedColumn& column = Columns().columns()[choices.Below(Columns().column_count())];
  text += column.name;
  if (!choices.OneIn(4)) return column.column;
  text += "[constant]";
  return MakeConstant(column.column->type(), column.column->ValueAt(0), kRows);
}

AggregateCase BindSomeAggregate(Choices& choices) {
  AggregateCase bound;
  std::string name = AggregateNames()[choices.Below(AggregateNames().size())];
  if (choices.OneIn(6)) name += "Distinct";
  const bool has_condition = choices.OneIn(4);
  if (has_condition) name += "If";
  const std::vector<Value> parameters = MakeParameters(choices);
  size_t count = choices.Below(3);
  if (!choices.OneIn(4)) ++count;
  bound.text = name + "(" + std::to_string(parameters.size()) + " parameters)(";
  for (size_t i = 0; i < count; ++i) {
    bound.text += i == 0 ? "" : ", ";
    bound.arguments.push_back(ArgumentColumn(choices, bound.text));
  }
  if (has_condition) bound.arguments.push_back(Columns().Get(choices.OneIn(2) ? "b" : "u8"));
  bound.text += ")";
  std::vector<DataType> types;
  for (const ColumnPtr& argument : bound.arguments) types.push_back(argument->type());
  bound.function = BindAggregateFunction(name, parameters, types, choices.OneIn(6));
  return bound;
}

std::vector<ColumnPtr> Sliced(const std::vector<ColumnPtr>& columns, size_t first, size_t count) {
  std::vector<ColumnPtr> slices;
  for (const ColumnPtr& column : columns) slices.push_back(column->Slice(first, count));
  return slices;
}

// Some groups get rows, others none; states that are merged see the rest.
ColumnPtr Aggregate(const AggregateCase& tried, size_t split) {
  static constexpr uint32_t kGroups[kRows] = {0, 2, 0, 1, 2, 0};
  static constexpr uint32_t kSameGroups[] = {0, 1, 2, 3};
  const auto add = [&](AggregateStates& states, size_t first, size_t count) {
    states.Resize(4);
    const std::vector<ColumnPtr> rows = Sliced(tried.arguments, first, count);
    states.Add(std::span(kGroups).subspan(first, count), rows);
  };
  const auto states = tried.function->MakeStates();
  add(*states, 0, split);
  if (split < kRows) {
    const auto others = tried.function->MakeStates();
    add(*others, split, kRows - split);
    states->Merge(*others, kSameGroups);
  }
  ColumnPtr result = states->Finish();
  ExpectRows(*result, tried.function->result_type(), 4, tried.text);
  return result;
}

// Sums of floats depend on their order.
bool IsExact(const DataType& type) {
  return type.is_array() ? IsExact(type.element()) : !type.is_float();
}

// False where the call is refused, before or by its values.
bool TryAggregate(Choices& choices) {
  std::string text;
  try {
    const AggregateCase tried = BindSomeAggregate(choices);
    text = tried.text;
    const ColumnPtr whole = Aggregate(tried, kRows);
    const ColumnPtr merged = Aggregate(tried, 1 + choices.Below(kRows - 1));
    if (IsExact(tried.function->result_type())) {
      ExpectEqualRows(*whole, 0, *merged, text + " merged");
    }
    const auto states = tried.function->MakeStates();
    states->Resize(1);
    states->AddAll(0, kRows, tried.arguments);
    states->AddAll(0, 0, Sliced(tried.arguments, 0, 0));
    ExpectRows(*states->Finish(), tried.function->result_type(), 1, text);
    ExpectRows(*tried.function->MakeStates()->Finish(), tried.function->result_type(), 0, text);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kLogicalError) throw Finding(text + ": " + error.what());
    return false;
  }
  return true;
}

bool AggregateRows(Input input) {
  Choices choices(input);
  bool has_aggregated = false;
  for (size_t calls = 0; calls < 16 && !choices.empty(); ++calls) {
    has_aggregated = TryAggregate(choices) || has_aggregated;
  }
  return has_aggregated;
}

std::vector<Seed> ChoiceSeeds() {
  std::vector<Seed> seeds;
  uint64_t state = 1;
  for (size_t number = 0; number < 24; ++number) {
    Bytes bytes(16 + 4 * number);
    for (uint8_t& byte : bytes) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<uint8_t>(state >> 56);
    }
    seeds.push_back({std::to_string(number), bytes});
  }
  return seeds;
}

// ---- Parameters ----

constexpr const char* kParameterTypes[] = {"Int8",
                                           "UInt64",
                                           "Float32",
                                           "Float64",
                                           "BFloat16",
                                           "Bool",
                                           "String",
                                           "Date",
                                           "DateTime",
                                           "Array(Float32)",
                                           "Array(Int16)",
                                           "Array(String)",
                                           "Array(Array(UInt8))",
                                           "Array(Date)"};

// The first byte chooses a type; with 255 the text is the name of one.
bool BindParameter(Input input) {
  if (input.empty()) return false;
  const std::string_view text = ToText(input.subspan(1));
  if (input[0] == 255) {
    const DataType type = DataType::Parse(text);
    Expect(DataType::Parse(type.name()) == type, [&] { return "another type: " + type.name(); });
    return true;
  }
  const DataType type = DataType::Parse(kParameterTypes[input[0] % std::size(kParameterTypes)]);
  Parameters parameters;
  parameters.SetText("p", text);
  const ColumnPtr value = parameters.Get("p", type);
  ExpectRows(*value, type, 1, "the parameter");
  parameters.Set("p", Value(std::string(text)));
  ExpectEqualRows(*value, 0, *parameters.Get("p", type), "the parameter as a value");
  if (type.is_array() || type.is_number()) {
    const std::string own = ValueToSql(value->ValueAt(0), type);
    parameters.SetText("p", own);
    ExpectEqualRows(*value, 0, *parameters.Get("p", type), "the parameter as " + own);
  }
  return true;
}

std::vector<Seed> ParameterSeeds() {
  constexpr const char* kValues[] = {"-7",
                                     "18446744073709551615",
                                     "1.5",
                                     "nan",
                                     "0.1",
                                     "true",
                                     "it's",
                                     "2024-02-29",
                                     "2024-02-29 12:00:00",
                                     "[1, 2.5, -3e2]",
                                     "[1, -2]",
                                     "['a', 'b\\'c']",
                                     "[[1], [], [2, 3]]",
                                     "['2024-01-01']"};
  std::vector<Seed> seeds;
  for (size_t i = 0; i < std::size(kValues); ++i) {
    Bytes bytes = {static_cast<uint8_t>(i)};
    for (const char* c = kValues[i]; *c != '\0'; ++c) bytes.push_back(static_cast<uint8_t>(*c));
    seeds.push_back({std::to_string(i), bytes});
  }
  for (const char* name : {"Array(Array(Float32))", "DOUBLE PRECISION", "varchar(10)"}) {
    Bytes bytes = ToBytes(std::string_view(name));
    bytes.insert(bytes.begin(), 255);
    seeds.push_back({"type_" + std::to_string(seeds.size()), bytes});
  }
  return seeds;
}

std::vector<std::string> ParameterWords() {
  return {"[",
          "]",
          ", ",
          "'",
          "nan",
          "-inf",
          "1e400",
          "true",
          "DEFAULT",
          "NULL",
          "), (",
          "\\'",
          "0x1",
          "Array(",
          "String",
          "))))",
          "2106-02-07 06:28:15",
          "1 + 1"};
}

}  // namespace

void AddExpressionTargets(std::vector<Target>& targets) {
  targets.push_back({"expression", EvaluateExpressions, ChoiceSeeds, NoWords, 256});
  targets.push_back({"aggregate", AggregateRows, ChoiceSeeds, NoWords, 64});
  targets.push_back({"parameters", BindParameter, ParameterSeeds, ParameterWords, 256});
}

}  // namespace granary::fuzz
