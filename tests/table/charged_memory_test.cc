// Memory that charges itself to the task it is allocated for, wherever and whenever it is freed.
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "granary/table/charged_bytes.h"
#include "granary/table/column.h"
#include "granary/table/task_context.h"

namespace granary {
namespace {

class ChargedMemoryTest : public ::testing::Test {
 protected:
  TaskContext TaskOf(MemoryTracker& memory) {
    return TaskContext({.executor = &executor_, .memory = &memory, .cancel = &cancel_});
  }

  template <class F>
  static ErrorCode CodeOf(F&& f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code();
    }
    return static_cast<ErrorCode>(0);
  }

  InlineExecutor executor_;
  CancelToken cancel_;
};

TEST_F(ChargedMemoryTest, VectorsAreChargedToTheScopeTheyGrowIn) {
  MemoryTracker memory;
  const TaskContext task = TaskOf(memory);
  ChargedVector<uint64_t> before(1000);
  EXPECT_EQ(memory.used(), 0u);
  {
    const TaskScope scope(&task);
    EXPECT_EQ(TaskScope::current(), &task);
    const ChargedVector<uint64_t> values(1000);
    EXPECT_GE(memory.used(), 8000u);
    EXPECT_LE(memory.used(), 8100u);
    {
      const TaskScope for_nobody(nullptr);
      const ChargedVector<uint64_t> kept(1000);
      EXPECT_LE(memory.used(), 8100u);
    }
    before = {};  // was allocated outside
    EXPECT_GE(memory.used(), 8000u);
  }
  EXPECT_EQ(memory.used(), 0u);
  EXPECT_EQ(TaskScope::current(), nullptr);
}

TEST_F(ChargedMemoryTest, ColumnsOutliveTheirTracker) {
  MemoryTracker database;
  ColumnPtr column;
  {
    MemoryTracker statement(0, &database);
    const TaskContext task = TaskOf(statement);
    const TaskScope scope(&task);
    const auto builder = ColumnBuilder::Create(TypeId::kUInt64);
    for (uint64_t i = 0; i < 1000; ++i) builder->Append(i);
    column = builder->Finish()->Gather(std::vector<uint32_t>(500, 7));
  }
  EXPECT_GE(database.used(), 4000u);
  EXPECT_LE(database.used(), 4500u);
  std::thread([&] { column.reset(); }).join();
  EXPECT_EQ(database.used(), 0u);
}

TEST_F(ChargedMemoryTest, BeyondTheLimitNothingIsCharged) {
  MemoryTracker memory(10000);
  const TaskContext task = TaskOf(memory);
  const TaskScope scope(&task);
  ChargedVector<char> values(5000);
  const size_t used = memory.used();
  EXPECT_EQ(CodeOf([&] { values.resize(20000); }), ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(CodeOf([&] { MakeChargedArray<uint64_t>(2000); }), ErrorCode::kMemoryLimitExceeded);
  ChargedBytes bytes;
  EXPECT_EQ(CodeOf([&] { bytes.Append(std::string(20000, 'x')); }),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(memory.used(), used);
}

TEST_F(ChargedMemoryTest, BytesGrowAndGiveBackWhatTheyDoNotUse) {
  MemoryTracker memory;
  const TaskContext task = TaskOf(memory);
  const TaskScope scope(&task);
  {
    ChargedBytes bytes;
    std::string expected;
    for (int i = 0; i < 5000; ++i) {
      const std::string text(static_cast<size_t>(i % 40), static_cast<char>('a' + i % 26));
      bytes.Append(text);
      bytes.Append('-');
      expected += text + '-';
    }
    EXPECT_EQ(std::string(bytes.data(), bytes.size()), expected);
    EXPECT_GE(memory.used(), bytes.size());
    bytes.Truncate(100);
    bytes.Trim();
    EXPECT_EQ(memory.used(), 100u);
    const ChargedBytes moved = std::move(bytes);
    EXPECT_EQ(std::string(moved.data(), moved.size()), expected.substr(0, 100));
  }
  EXPECT_EQ(memory.used(), 0u);
}

TEST_F(ChargedMemoryTest, LongLoopsNoticeThatTheyAreCancelled) {
  MemoryTracker memory;
  const TaskContext task = TaskOf(memory);
  CancelCheck check;
  for (int i = 0; i < 10; ++i) check.After(CancelCheck::kInterval);  // of nobody's task
  const TaskScope scope(&task);
  for (int i = 0; i < 10; ++i) check.After(CancelCheck::kInterval);
  cancel_.Cancel();
  EXPECT_EQ(CodeOf([&] { check.After(CancelCheck::kInterval); }), ErrorCode::kQueryWasCancelled);
  size_t done = 0;
  EXPECT_EQ(CodeOf([&] {
              ForStretches(1 << 20, [&](size_t begin, size_t end) { done += end - begin; });
            }),
            ErrorCode::kQueryWasCancelled);
  EXPECT_EQ(done, size_t{1} << 16);
}

}  // namespace
}  // namespace granary
