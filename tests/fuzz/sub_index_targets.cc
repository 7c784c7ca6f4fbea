// The payloads of sub-indexes: opened, and if that goes well asked whatever they can be asked. The
// first byte says which index it is that they are given to.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <random>

#include "granary/skipindex/registry.h"
#include "granary/table/expression.h"
#include "granary/tests/fuzz/targets.h"

namespace granary::fuzz {
namespace {

class ColumnV final : public Expression {
 public:
  explicit ColumnV(DataType type) : type_(std::move(type)) {}
  ColumnPtr Evaluate(const Block& block) const override { return block.Get(name_); }
  const DataType& type() const override { return type_; }
  const std::string& text() const override { return name_; }
  const std::vector<std::string>& required_columns() const override { return columns_; }

 private:
  std::string name_ = "v";
  DataType type_;
  std::vector<std::string> columns_{name_};
};

std::shared_ptr<const SkipIndex> Declared(const std::string& kind, const DataType& type,
                                          std::vector<Value> arguments) {
  IndexDeclaration declaration;
  declaration.name = "idx";
  declaration.expression = std::make_shared<ColumnV>(type);
  declaration.kind = kind;
  for (Value& argument : arguments) declaration.arguments.push_back({std::move(argument), false});
  TableSettings settings;
  settings.vector_index_min_rows_for_graph = 0;
  return SkipIndexRegistry::WithBuiltins().Declare(declaration, settings);
}

// What sub-indexes are built and searched with: one thread, memory without a limit.
struct Surroundings {
  Surroundings() : context({.executor = &executor, .memory = &memory}) {}
  InlineExecutor executor;
  MemoryTracker memory;
  TaskContext context;
};

// The payload where the engine would have it, and not one byte more that a sanitizer would miss.
class Payload {
 public:
  explicit Payload(Input bytes)
      : data_(
            static_cast<std::byte*>(::operator new(std::max<size_t>(bytes.size(), 1), kAlignment))),
        size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(data_.get(), bytes.data(), bytes.size());
  }
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Delete {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, kAlignment); }
  };
  std::unique_ptr<std::byte, Delete> data_;
  size_t size_;
};

// A seed for index number `number`.
Seed Numbered(std::string name, size_t number, std::span<const std::byte> payload) {
  Seed seed{std::move(name), {static_cast<uint8_t>(number)}};
  const Bytes bytes = ToBytes(payload);
  seed.bytes.insert(seed.bytes.end(), bytes.begin(), bytes.end());
  return seed;
}

// ---- minmax, set, bloom_filter ----

struct PruningCase {
  std::string name;
  std::shared_ptr<const SkipIndex> index;
  ColumnPtr values;
};

ColumnPtr ColumnOf(const DataType& type, const std::vector<Value>& values) {
  const auto builder = ColumnBuilder::Create(type);
  for (const Value& value : values) builder->Append(value);
  return builder->Finish();
}

const std::vector<PruningCase>& PruningCases() {
  static const std::vector<PruningCase> cases = [] {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    struct Typed {
      DataType type;
      std::vector<Value> values;
    };
    const std::vector<Typed> columns = {
        {TypeId::kInt32, {Value(int64_t{-5}), Value(int64_t{7}), Value(int64_t{0})}},
        {TypeId::kUInt64, {Value(UINT64_MAX), Value(uint64_t{1})}},
        {TypeId::kFloat64, {Value(nan), Value(-0.5), Value(2.0)}},
        {TypeId::kString, {Value("a"), Value(""), Value("long enough to be on the heap")}},
        {TypeId::kDate, {Value(uint64_t{19000}), Value(uint64_t{0})}},
        {DataType::Array(TypeId::kString), {ValueArray{Value("x")}, ValueArray{}}},
    };
    std::vector<PruningCase> all;
    for (const char* kind : {"minmax", "set", "bloom_filter"}) {
      for (const Typed& column : columns) {
        std::vector<Value> arguments;
        if (std::string_view(kind) == "set") arguments.push_back(Value(uint64_t{10}));
        try {
          all.push_back({std::string(kind) + "_" + std::to_string(all.size()),
                         Declared(kind, column.type, std::move(arguments)),
                         ColumnOf(column.type, column.values)});
        } catch (const Error&) {
          continue;  // this kind has nothing for the type
        }
      }
    }
    return all;
  }();
  return cases;
}

std::vector<Predicate> SomePredicates() {
  const std::vector<Value> constants = {Value(uint64_t{0}),
                                        Value(uint64_t{1}),
                                        Value(UINT64_MAX),
                                        Value(int64_t{-5}),
                                        Value(INT64_MIN),
                                        Value(0.5),
                                        Value(std::numeric_limits<double>::quiet_NaN()),
                                        Value(std::numeric_limits<double>::infinity()),
                                        Value(""),
                                        Value("a"),
                                        Value("long enough to be on the heap"),
                                        Value(ValueArray{}),
                                        Value(ValueArray{Value("x")})};
  std::vector<Predicate> predicates = {Predicate(), Predicate::False(), Predicate::Opaque()};
  for (const PredicateOp op :
       {PredicateOp::kEqual, PredicateOp::kNotEqual, PredicateOp::kLess, PredicateOp::kLessOrEqual,
        PredicateOp::kGreater, PredicateOp::kGreaterOrEqual, PredicateOp::kHas}) {
    for (const Value& constant : constants) {
      predicates.push_back(Predicate::Atom({"v", op, {constant}}));
      predicates.push_back(Predicate::Not(predicates.back()));
    }
  }
  for (const char* prefix : {"", "a", "long"}) {
    predicates.push_back(Predicate::Atom({"v", PredicateOp::kStartsWith, {Value(prefix)}}));
  }
  for (const PredicateOp op : {PredicateOp::kIn, PredicateOp::kNotIn}) {
    predicates.push_back(Predicate::Atom({"v", op, {constants[0], constants[1], constants[2]}}));
    predicates.push_back(Predicate::Atom({"v", op, {constants[8], constants[9], constants[10]}}));
    predicates.push_back(Predicate::Atom({"v", op, {}}));
  }
  return predicates;
}

bool AskPruner(Input input) {
  if (input.empty()) return false;
  const PruningCase& tried = PruningCases()[input[0] % PruningCases().size()];
  const Payload payload(input.subspan(1));
  const auto sub_index = tried.index->Open(payload.bytes(), {.rows = tried.values->size()});
  static const std::vector<Predicate> predicates = SomePredicates();
  size_t matches = 0;
  for (const Predicate& predicate : predicates) matches += sub_index->pruner()->MayMatch(predicate);
  return sub_index->heap_bytes() > 0 && matches <= predicates.size();
}

std::vector<Seed> PruningSeeds() {
  std::vector<Seed> seeds;
  for (size_t i = 0; i < PruningCases().size(); ++i) {
    const PruningCase& built = PruningCases()[i];
    const auto builder = built.index->NewBuilder();
    builder->AddGranule(*built.values);
    ByteWriter out;
    builder->Finish({.rows = built.values->size()}, out);
    seeds.push_back(Numbered(built.name, i, out.bytes()));
  }
  return seeds;
}

// ---- vector_similarity ----

constexpr size_t kRows = 24;
constexpr size_t kDimensions = 4;

const VectorRows& FewVectors() {
  static const std::vector<float> values = [] {
    std::mt19937_64 random(5);
    std::vector<float> numbers(kRows * kDimensions);
    for (float& number : numbers) number = static_cast<float>(random() % 2000) / 100 - 10;
    return numbers;
  }();
  static const VectorRows rows{.base = reinterpret_cast<const std::byte*>(values.data()),
                               .stride_bytes = kDimensions * sizeof(float),
                               .rows = kRows,
                               .dimensions = kDimensions,
                               .element = VectorElement::kFloat32};
  return rows;
}

struct GraphCase {
  std::string name;
  std::shared_ptr<const SkipIndex> index;
};

const std::vector<GraphCase>& GraphCases() {
  static const std::vector<GraphCase> cases = [] {
    std::vector<GraphCase> all;
    for (const char* metric : {"L2Distance", "cosineDistance", "dotProduct"}) {
      for (const char* codes : {"f64", "f32", "f16", "bf16", "i8", "b1"}) {
        try {
          all.push_back({std::string(metric) + "_" + codes,
                         Declared("vector_similarity", DataType::Array(TypeId::kFloat32),
                                  {Value("hnsw"), Value(metric), Value(uint64_t{kDimensions}),
                                   Value(codes), Value(uint64_t{4}), Value(uint64_t{8})})});
        } catch (const Error&) {
          continue;  // codes that the metric does not have
        }
      }
    }
    return all;
  }();
  return cases;
}

// Candidates are rows of the block, accepted ones, each once; distances ascend within a call.
void CheckCandidates(std::span<const Candidate> found, RowBitmap& seen, const RowBitmap* accepted) {
  for (size_t i = 0; i < found.size(); ++i) {
    const uint32_t row = found[i].row;
    Expect(row < kRows, [&] { return "row " + std::to_string(row) + " is not of the block"; });
    Expect(!seen.Test(row), [&] { return "row " + std::to_string(row) + " a second time"; });
    Expect(accepted == nullptr || accepted->Test(row),
           [&] { return "row " + std::to_string(row) + " was not accepted"; });
    seen.Set(row);
  }
}

void Search(const NeighborSearcher& searcher, std::span<const float> vector, size_t count,
            const RowBitmap* accepted, const TaskContext& context) {
  std::optional<AcceptSet> accept;
  if (accepted != nullptr) accept.emplace(*accepted);
  const auto search = searcher.Start(
      {.vector = vector, .count = count, .effort = 6, .accept = accept ? &*accept : nullptr});
  RowBitmap seen(kRows);
  for (int call = 0; call < 8; ++call) {
    std::vector<Candidate> found;
    search->Next(found, context);
    CheckCandidates(found, seen, accepted);
    if (found.empty()) break;
    search->WithError(found.back().distance);
  }
}

void ScoreBounds(const NeighborSearcher& searcher, std::span<const float> vector) {
  const auto bounds = searcher.StartBounds({.vector = vector, .count = 3, .effort = 8});
  if (bounds == nullptr) return;
  std::vector<uint32_t> rows(kRows);
  for (uint32_t row = 0; row < kRows; ++row) rows[row] = row;
  std::vector<uint32_t> keys(kRows);
  bounds->Score(rows, keys.data());
  for (const double distance : {0.0, 1.0, 1e300, -1.0}) bounds->KeyLimit(distance);
}

bool SearchGraph(Input input) {
  if (input.empty()) return false;
  static const Surroundings surroundings;
  const SkipIndex& index = *GraphCases()[input[0] % GraphCases().size()].index;
  const Payload payload(input.subspan(1));
  const auto sub_index = index.Open(payload.bytes(), {.rows = kRows, .vectors = &FewVectors()});
  const NeighborSearcher& searcher = *sub_index->neighbor_searcher();
  RowBitmap every_third(kRows);
  for (uint32_t row = 0; row < kRows; row += 3) every_third.Set(row);
  static constexpr float kQueries[][kDimensions] = {{0, 0, 0, 0}, {3, -2, 8, 1}, {1e30f, 0, 0, 0}};
  for (const auto& query : kQueries) {
    Search(searcher, query, 3, nullptr, surroundings.context);
    Search(searcher, query, 2, &every_third, surroundings.context);
    if (searcher.has_bounds()) ScoreBounds(searcher, query);
  }
  return sub_index->heap_bytes() > 0;
}

std::vector<Seed> GraphSeeds() {
  const Surroundings surroundings;
  std::vector<Seed> seeds;
  for (size_t i = 0; i < GraphCases().size(); ++i) {
    ByteWriter out;
    GraphCases()[i].index->NewBuilder()->Finish(
        {.rows = kRows, .vectors = &FewVectors(), .context = &surroundings.context}, out);
    seeds.push_back(Numbered(GraphCases()[i].name, i, out.bytes()));
  }
  return seeds;
}

std::vector<std::string> GraphWords() {
  return {"GRNHNSW1",
          std::string(4, '\xff'),
          std::string(8, '\xff'),
          std::string(8, '\0'),
          std::string("\x40\0\0\0\0\0\0\0", 8),
          std::string("\0\0\x80\x7f", 4),
          std::string("\0\0\xc0\x7f", 4)};
}

}  // namespace

void AddSubIndexTargets(std::vector<Target>& targets) {
  targets.push_back({"pruning_index", AskPruner, PruningSeeds, GraphWords, 512});
  targets.push_back({"vector_similarity", SearchGraph, GraphSeeds, GraphWords, 4096});
}

}  // namespace granary::fuzz
