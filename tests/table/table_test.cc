// The smaller pieces of table/: bitmaps, byte streams, predicates, settings, task context, errors.
#include <limits>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "granary/table/byte_stream.h"
#include "granary/table/predicate.h"
#include "granary/table/row_bitmap.h"
#include "granary/table/settings.h"
#include "granary/table/task_context.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

template <class F>
ErrorCode CodeOf(F&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code();
  }
  return static_cast<ErrorCode>(0);
}

TEST(ErrorTest, SaysCodeMessageContextAndName) {
  Error error(ErrorCode::kUnknownIdentifier, "Unknown column x");
  error.AddContext("reading part all_1_1_0");
  EXPECT_STREQ(error.what(),
               "Code: 47. Unknown column x: while reading part all_1_1_0. (UNKNOWN_IDENTIFIER)");
}

TEST(RowBitmapTest, AgreesWithASet) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const size_t size = 1 + random() % 300;
    RowBitmap bitmap(size, round % 2 == 0);
    std::set<uint32_t> rows;
    if (round % 2 == 0) {
      for (uint32_t row = 0; row < size; ++row) rows.insert(row);
    }
    for (int step = 0; step < 20; ++step) {
      const size_t first = random() % size, count = random() % (size - first + 1);
      const bool set = random() % 2;
      set ? bitmap.SetRange(first, count) : bitmap.ResetRange(first, count);
      for (size_t row = first; row < first + count; ++row) {
        set ? (void)rows.insert(row) : (void)rows.erase(row);
      }
    }
    EXPECT_EQ(bitmap.Count(), rows.size());
    EXPECT_EQ(bitmap.Rows(), std::vector<uint32_t>(rows.begin(), rows.end()));
    RowBitmap all(size, true);
    all.AndNot(bitmap);
    EXPECT_EQ(all.Count(), size - rows.size());
    all.Or(bitmap);
    EXPECT_EQ(all.Count(), size);
  }
}

TEST(ByteStreamTest, NumbersAndStringsReadBack) {
  ByteWriter out;
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, ~uint64_t{0}}) {
    out.WriteVarint(value);
  }
  out.WriteString("text");
  out.AlignTo(64);
  EXPECT_EQ(out.size(), 64u);
  ByteReader in(out.bytes(), "test");
  EXPECT_EQ(in.ReadVarint(), 0u);
  EXPECT_EQ(in.ReadVarint(), 127u);
  EXPECT_EQ(in.ReadVarint(), 128u);
  EXPECT_EQ(in.ReadVarint(), ~uint64_t{0});
  EXPECT_EQ(in.ReadString(), "text");
  EXPECT_EQ(CodeOf([&] { in.ExpectEnd(); }), ErrorCode::kCorruptedData);
  EXPECT_EQ(CodeOf([&] { in.ReadBytes(1000); }), ErrorCode::kCorruptedData);
}

TEST(ByteStreamTest, HugeCountsAreCorruptionNotAllocations) {
  ByteWriter out;
  out.WriteVarint(uint64_t{1} << 60);
  ByteReader in(out.bytes(), "test");
  EXPECT_EQ(CodeOf([&] { in.ReadCount(1); }), ErrorCode::kCorruptedData);
  const std::vector<std::byte> endless(12, std::byte{0xFF});
  ByteReader varint(endless, "test");
  EXPECT_EQ(CodeOf([&] { varint.ReadVarint(); }), ErrorCode::kCorruptedData);
}

// Evaluates a predicate on one value of "x", with opaque leaves true.
bool Holds(const Predicate& predicate, const Value& x) {
  return predicate.Judge([&](const PredicateAtom& atom) {
                    return JudgeRange(atom, {x, x});
                  })
      .can_be_true;
}

TEST(PredicateTest, RangesNeverExcludeAMatchingValue) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto random_value = [&] { return static_cast<int64_t>(random() % 20); };
  size_t excluded = 0;
  for (int round = 0; round < 20000; ++round) {
    PredicateAtom atom{"x", static_cast<PredicateOp>(random() % 8), {random_value()}};
    if (atom.op >= PredicateOp::kIn) {
      std::set<int64_t> constants;
      for (size_t i = random() % 4; i > 0; --i) constants.insert(random_value());
      atom.constants.assign(constants.begin(), constants.end());
    }
    const int64_t low = random_value(), high = low + random_value() % 5;
    ValueRange range{Value(low), Value(high)};
    if (random() % 4 == 0) range.min.reset();
    if (random() % 4 == 0) range.max.reset();
    const Predicate predicate =
        random() % 2 ? Predicate::Not(Predicate::Atom(atom)) : Predicate::Atom(atom);
    const Verdict verdict =
        predicate.Judge([&](const PredicateAtom& a) { return JudgeRange(a, range); });
    excluded += !verdict.can_be_true;
    for (int64_t x = range.min ? low : low - 3; x <= (range.max ? high : high + 3); ++x) {
      const bool holds = Holds(predicate, x);
      EXPECT_TRUE(holds ? verdict.can_be_true : verdict.can_be_false);
    }
  }
  EXPECT_GT(excluded, 1000u);
}

TEST(PredicateTest, PrefixesExcludeStringRanges) {
  const PredicateAtom atom{"s", PredicateOp::kStartsWith, {std::string("ab")}};
  const auto may = [&](const char* min, const char* max) {
    return JudgeRange(atom, {Value(std::string(min)), Value(std::string(max))}).can_be_true;
  };
  EXPECT_TRUE(may("a", "b"));
  EXPECT_TRUE(may("abz", "abzz"));
  EXPECT_TRUE(may("", "ab"));
  EXPECT_FALSE(may("ac", "b"));
  EXPECT_FALSE(may("", "aa"));
}

TEST(PredicateTest, CombinesAndNegates) {
  const auto atom = [](int64_t bound) {
    return Predicate::Atom({"x", PredicateOp::kLess, {bound}});
  };
  EXPECT_FALSE(Holds(Predicate::And({atom(5), Predicate::Not(atom(5))}), int64_t{3}));
  EXPECT_TRUE(Holds(Predicate::Or({atom(2), Predicate::Not(atom(3))}), int64_t{4}));
  EXPECT_TRUE(Predicate::And({Predicate(), Predicate()}).is_always_true());
  EXPECT_EQ(Predicate::Or({}).kind(), Predicate::Kind::kFalse);
  EXPECT_TRUE(Holds(Predicate::Not(Predicate::Opaque()), int64_t{1}));
  EXPECT_TRUE(Predicate::And({atom(1), Predicate::Opaque()}).Mentions("x"));
}

TEST(PredicateTest, NanSaysNothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const PredicateAtom atom{"x", PredicateOp::kGreater, {5.0}};
  EXPECT_TRUE(JudgeRange(atom, {Value(1.0), Value(nan)}).can_be_true);
  EXPECT_TRUE(
      JudgeRange({"x", PredicateOp::kNotEqual, {nan}}, {Value(1.0), Value(1.0)}).can_be_true);
}

TEST(SettingsTest, SetsEveryShapeAndDescribesIt) {
  QuerySettings settings;
  ApplySetting(settings, "max_threads", uint64_t{3});
  ApplySetting(settings, "max_execution_time", std::string("0.5"));
  ApplySetting(settings, "use_skip_indexes", std::string("false"));
  ApplySetting(settings, "vector_search_rerank_scope", std::string("granules"));
  ApplySetting(settings, "vector_search_postfilter_multiplier", 2.5);
  EXPECT_EQ(settings.max_threads, 3u);
  EXPECT_EQ(settings.max_execution_time, 0.5);
  EXPECT_FALSE(settings.use_skip_indexes);
  EXPECT_EQ(settings.vector_search_rerank_scope, RerankScope::kGranules);
  EXPECT_EQ(settings.vector_search_index_fetch_multiplier, 2.5);
  size_t changed = 0;
  for (const SettingInfo& info : DescribeSettings(settings)) {
    changed += info.changed;
    QuerySettings copy;
    ApplySetting(copy, info.name, info.value);
  }
  EXPECT_EQ(changed, 5u);
}

TEST(SettingsTest, RefusesUnknownInvalidAndUnimplemented) {
  QuerySettings settings;
  const auto code = [&](const char* name, const Value& value) {
    return CodeOf([&] { ApplySetting(settings, name, value); });
  };
  EXPECT_EQ(code("no_such_setting", uint64_t{1}), ErrorCode::kUnknownSetting);
  EXPECT_EQ(code("vector_similarity_index_cache_size", uint64_t{1}), ErrorCode::kUnknownSetting);
  EXPECT_EQ(code("hnsw_candidate_list_size_for_search", uint64_t{0}),
            ErrorCode::kInvalidSettingValue);
  EXPECT_EQ(code("max_threads", std::string("many")), ErrorCode::kInvalidSettingValue);
  EXPECT_EQ(code("max_threads", int64_t{-1}), ErrorCode::kInvalidSettingValue);
  EXPECT_EQ(code("vector_search_index_fetch_multiplier", 0.5), ErrorCode::kInvalidSettingValue);
  EXPECT_EQ(code("use_query_condition_cache", uint64_t{1}), ErrorCode::kNotImplemented);
  EXPECT_EQ(code("use_query_condition_cache", uint64_t{0}), static_cast<ErrorCode>(0));
  EXPECT_EQ(code("enable_vector_similarity_index", uint64_t{1}), static_cast<ErrorCode>(0));

  TableSettings table;
  EXPECT_EQ(CodeOf([&] { ApplySetting(table, "index_granularity", uint64_t{0}); }),
            ErrorCode::kInvalidSettingValue);
  ApplySetting(table, "fsync", std::string("off"));
  EXPECT_EQ(table.fsync, FsyncPolicy::kOff);
}

TEST(MemoryTrackerTest, ChargesParentsAndKeepsLimits) {
  MemoryTracker parent(100);
  {
    MemoryTracker child(80, &parent);
    MemoryCharge charge(child, 70, "a test");
    EXPECT_EQ(CodeOf([&] { charge.Grow(20, "a test"); }), ErrorCode::kMemoryLimitExceeded);
    EXPECT_EQ(parent.used(), 70u);
    MemoryTracker other(0, &parent);
    EXPECT_FALSE(other.TryCharge(40));
    EXPECT_EQ(other.used(), 0u);
    const MemoryCharge moved = std::move(charge);
    EXPECT_EQ(child.used(), 70u);
  }
  EXPECT_EQ(parent.used(), 0u);
  EXPECT_EQ(parent.peak(), 70u);
}

TEST(TaskContextTest, CancelAndDeadlineAreErrors) {
  InlineExecutor executor;
  MemoryTracker memory;
  CancelToken cancel;
  const TaskContext context({.executor = &executor, .memory = &memory, .cancel = &cancel});
  context.CheckCancelled();
  cancel.Cancel();
  EXPECT_EQ(CodeOf([&] { context.CheckCancelled(); }), ErrorCode::kQueryWasCancelled);
  const TaskContext late({.executor = &executor,
                          .memory = &memory,
                          .deadline = std::chrono::steady_clock::time_point::min()});
  EXPECT_EQ(CodeOf([&] { late.CheckCancelled(); }), ErrorCode::kTimeoutExceeded);
}

}  // namespace
}  // namespace granary
