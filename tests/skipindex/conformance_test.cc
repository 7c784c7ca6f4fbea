// What skip_index.h asks of every kind, tried on every kind that is registered: a kind without an
// example here fails the first test.
#include <functional>
#include <limits>
#include <set>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/skipindex/registry.h"
#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

constexpr size_t kGranuleRows = 100;
constexpr size_t kDimensions = 8;

// A declaration and rows for it.
struct Example {
  std::string name;
  IndexDeclaration declaration;
  ColumnPtr values;  // of the indexed expression; for vectors an ArrayColumn
};

template <class T>
ColumnPtr Numbers(TypeId type, size_t rows, const std::function<T(size_t)>& value) {
  std::vector<T> values;
  for (size_t row = 0; row < rows; ++row) values.push_back(value(row));
  return std::make_shared<NumberColumn<T>>(type, std::move(values));
}

ColumnPtr Strings(size_t rows) {
  auto builder = ColumnBuilder::Create(TypeId::kString);
  for (size_t row = 0; row < rows; ++row) {
    builder->Append(Value("key-" + std::to_string(row * 7919 % 1000)));
  }
  return builder->Finish();
}

ColumnPtr Vectors(size_t rows) {
  auto values = std::make_shared<NumberColumn<float>>(TypeId::kFloat32,
                                                      ClusteredVectors(rows, kDimensions, 31));
  return ArrayColumn::Uniform(std::move(values), kDimensions, rows);
}

std::vector<Example> Examples() {
  std::vector<Example> examples;
  auto minmax = [&](std::string name, const ColumnPtr& values) {
    examples.push_back({"minmax_" + name, Declared("minmax", values->type()), values});
  };
  minmax("UInt64", Numbers<uint64_t>(TypeId::kUInt64, 350, [](size_t row) { return 500 + row; }));
  minmax("Int32", Numbers<int32_t>(TypeId::kInt32, 350, [](size_t row) {
           return static_cast<int32_t>(row * 17 % 101) - 50;
         }));
  minmax("Float64", Numbers<double>(TypeId::kFloat64, 350,
                                    [](size_t row) { return 0.5 * static_cast<double>(row); }));
  minmax("Float32_with_NaN", Numbers<float>(TypeId::kFloat32, 350, [](size_t row) {
           return row == 200 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(row);
         }));
  minmax("String", Strings(350));
  minmax("one_row", Numbers<uint8_t>(TypeId::kUInt8, 1, [](size_t) { return 7; }));
  auto pruning = [&](std::string kind, std::vector<IndexArgument> arguments,
                     const ColumnPtr& values) {
    examples.push_back({kind + "_" + std::to_string(examples.size()),
                        Declared(kind, values->type(), std::move(arguments)), values});
  };
  const ColumnPtr few = Numbers<float>(TypeId::kFloat32, 350, [](size_t row) {
    return row == 200 ? std::numeric_limits<float>::quiet_NaN() : 0.5f * (row % 7);
  });
  for (size_t values_max : {0, 5, 100}) pruning("set", {Argument(values_max)}, few);
  pruning("set", {Argument(0)}, Strings(350));
  pruning("bloom_filter", {}, few);
  pruning("bloom_filter", {Argument(0.001)}, Strings(350));
  pruning("bloom_filter", {},
          Numbers<int64_t>(TypeId::kInt64, 1, [](size_t) { return int64_t{-7}; }));
  for (const char* distance : {"L2Distance", "cosineDistance", "dotProduct"}) {
    for (size_t rows : {1, 350}) {
      const ColumnPtr vectors = Vectors(rows);
      examples.push_back({"vector_similarity_" + std::string(distance) + std::to_string(rows),
                          Declared("vector_similarity", vectors->type(),
                                   {Argument("hnsw"), Argument(distance), Argument(kDimensions)}),
                          vectors});
    }
  }
  return examples;
}

// One example, declared, and whatever its index looks at.
class Trial {
 public:
  explicit Trial(const Example& example)
      : registry_(SkipIndexRegistry::WithBuiltins()), values_(example.values) {
    TableSettings settings;
    settings.vector_index_min_rows_for_graph = 0;
    index_ = registry_.Get(example.declaration.kind).Declare(example.declaration, settings);
    if (index_->vector_search() != nullptr) vectors_ = AsArrays(*values_).Vectors(kDimensions);
  }

  const SkipIndex& index() const { return *index_; }
  const Column& values() const { return *values_; }
  size_t rows() const { return values_->size(); }
  SubIndexInput Input(const TaskContext* context) const {
    return {rows(), index_->vector_search() != nullptr ? &vectors_ : nullptr, context};
  }

  std::vector<std::byte> Build(size_t threads) const {
    TestContext test(threads);
    const auto builder = index_->NewBuilder();
    if (index_->vector_search() == nullptr) {
      for (size_t row = 0; row < rows(); row += kGranuleRows) {
        builder->AddGranule(*values_->Slice(row, std::min(kGranuleRows, rows() - row)));
      }
    }
    ByteWriter out;
    builder->Finish(Input(&test.context), out);
    EXPECT_EQ(test.memory.used(), 0u);
    return out.Take();
  }

  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes) const {
    return index_->Open(bytes, Input(nullptr));
  }

 private:
  SkipIndexRegistry registry_;
  ColumnPtr values_;
  std::shared_ptr<const SkipIndex> index_;
  VectorRows vectors_;
};

PredicateAtom Atom(PredicateOp op, const Value& value) { return {"v", op, {value}}; }

bool Matches(PredicateOp op, const Value& left, const Value& right) {
  const int order = CompareValues(left, right);
  switch (op) {
    case PredicateOp::kEqual:
      return order == 0;
    case PredicateOp::kLess:
      return order < 0;
    case PredicateOp::kLessOrEqual:
      return order <= 0;
    case PredicateOp::kGreater:
      return order > 0;
    default:
      return order >= 0;
  }
}

class EveryKind : public testing::TestWithParam<size_t> {
 protected:
  EveryKind() : example_(Examples()[GetParam()]), trial_(example_) {}

  Example example_;
  Trial trial_;
};

TEST(ConformanceTest, EveryRegisteredKindHasAnExample) {
  std::set<std::string> kinds;
  for (const Example& example : Examples()) kinds.insert(example.declaration.kind);
  for (const std::string& name : SkipIndexRegistry::WithBuiltins().names()) {
    EXPECT_EQ(kinds.count(name), 1u) << name;
  }
}

TEST_P(EveryKind, HasSomeAbilityAndADescription) {
  AlignedBytes bytes(trial_.Build(1));
  const auto sub_index = trial_.Open(bytes.span());
  EXPECT_TRUE(sub_index->pruner() != nullptr || sub_index->neighbor_searcher() != nullptr);
  EXPECT_EQ(sub_index->neighbor_searcher() != nullptr, trial_.index().vector_search() != nullptr);
  EXPECT_THAT(trial_.index().description(), testing::StartsWith(example_.declaration.kind));
}

TEST_P(EveryKind, GivesTheSameBytesOnAnyNumberOfThreads) {
  const auto expected = trial_.Build(1);
  EXPECT_EQ(trial_.Build(1), expected);
  EXPECT_EQ(trial_.Build(3), expected);
}

TEST_P(EveryKind, AcceptsItsOwnRows) { trial_.index().CheckRows(trial_.values(), 0); }

TEST_P(EveryKind, NeverPrunesABlockWithAMatch) {
  AlignedBytes bytes(trial_.Build(1));
  const auto sub_index = trial_.Open(bytes.span());
  const Pruner* pruner = sub_index->pruner();
  if (pruner == nullptr) return;
  EXPECT_TRUE(pruner->MayMatch(Predicate()));
  EXPECT_TRUE(pruner->MayMatch(Predicate::Opaque()));
  EXPECT_TRUE(pruner->MayMatch(Predicate::Not(Predicate::Opaque())));
  EXPECT_TRUE(pruner->MayMatch(Predicate::Atom({"w", PredicateOp::kEqual, {Value(uint64_t{1})}})));
  for (size_t probe = 0; probe < trial_.rows(); probe += 1 + trial_.rows() / 50) {
    const Value constant = trial_.values().ValueAt(probe);
    for (PredicateOp op : {PredicateOp::kEqual, PredicateOp::kLess, PredicateOp::kLessOrEqual,
                           PredicateOp::kGreater, PredicateOp::kGreaterOrEqual}) {
      bool some = false;
      for (size_t row = 0; row < trial_.rows() && !some; ++row) {
        some = Matches(op, trial_.values().ValueAt(row), constant);
      }
      if (some) {
        EXPECT_TRUE(pruner->MayMatch(Predicate::Atom(Atom(op, constant))));
      }
    }
  }
}

TEST_P(EveryKind, SearchesReturnAcceptedRowsOnce) {
  AlignedBytes bytes(trial_.Build(1));
  const auto sub_index = trial_.Open(bytes.span());
  const NeighborSearcher* searcher = sub_index->neighbor_searcher();
  if (searcher == nullptr) return;
  TestContext test;
  const std::vector<float> query(kDimensions, 0.3f);
  AcceptSet accept = LazilyEveryNth(trial_.rows(), 2);
  const auto search =
      searcher->Start({.vector = query, .count = 5, .effort = 9, .accept = &accept});
  std::set<uint32_t> seen;
  for (size_t calls = 0;; ++calls) {
    std::vector<Candidate> found;
    search->Next(found, test.context);
    if (found.empty()) break;
    EXPECT_GE(found.size(), std::min<size_t>(calls == 0 ? 5 : 1, (trial_.rows() + 1) / 2));
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].row % 2, 0u);
      EXPECT_LT(found[i].row, trial_.rows());
      EXPECT_TRUE(seen.insert(found[i].row).second);
      if (i > 0) {
        EXPECT_LE(found[i - 1].distance, found[i].distance);
      }
    }
  }
  EXPECT_FALSE(seen.empty());
}

TEST_P(EveryKind, RefusesOrSurvivesHostileBytes) {
  const auto intact = trial_.Build(1);
  std::mt19937_64 random(32);
  TestContext test;
  const std::vector<float> query(kDimensions, 0.3f);
  size_t refused = 0;
  auto try_bytes = [&](std::span<const std::byte> hostile) {
    AlignedBytes bytes(hostile);
    try {
      const auto sub_index = trial_.Open(bytes.span());
      if (const Pruner* pruner = sub_index->pruner()) {
        pruner->MayMatch(Predicate::Atom(Atom(PredicateOp::kLess, Value(uint64_t{3}))));
      }
      if (const NeighborSearcher* searcher = sub_index->neighbor_searcher()) {
        std::vector<Candidate> found;
        searcher->Start({.vector = query, .count = 5, .effort = 20})->Next(found, test.context);
        for (const Candidate& candidate : found) ASSERT_LT(candidate.row, trial_.rows());
      }
    } catch (const Error& error) {
      ASSERT_THAT(error.code(),
                  testing::AnyOf(ErrorCode::kCorruptedData, ErrorCode::kUnknownFormatVersion))
          << error.what();
      ++refused;
    }
  };
  for (size_t length = 0; length < std::min<size_t>(intact.size(), 300); ++length) {
    try_bytes(std::span(intact).first(length));
  }
  for (size_t round = 0; round < 300; ++round) {
    auto damaged = intact;
    const size_t reach = std::min<size_t>(damaged.size(), round % 2 == 0 ? 64 : damaged.size());
    damaged[random() % reach] = static_cast<std::byte>(random());
    try_bytes(damaged);
    for (std::byte& byte : damaged) byte = static_cast<std::byte>(random());
    try_bytes(damaged);
  }
  EXPECT_GT(refused, 300u);
}

INSTANTIATE_TEST_SUITE_P(Conformance, EveryKind, testing::Range<size_t>(0, Examples().size()),
                         [](const auto& info) { return Examples()[info.param].name; });

}  // namespace
}  // namespace granary
