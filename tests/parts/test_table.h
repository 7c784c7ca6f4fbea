// Tables for tests of parts/, without SQL: definitions in a small line language, two kinds of index
// whose contents tests can foresee, and a context that collects warnings.
//
//   column <name> <type>
//   order <column>          (primary and sorting key; may repeat)
//   partition <column>
//   index <name> <column> <kind> <granularity>
//   set <setting> <value>
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "granary/parts/simulated_disk.h"
#include "granary/parts/table_store.h"
#include "granary/skipindex/registry.h"
#include "granary/table/task_context.h"

namespace granary::testing {

SchemaPtr CompileTestDefinition(const std::string& definition);

// "range": the least and greatest UInt64 of the block; has a pruner that knows `=`.
// "copy": the vectors of the block once more; opening compares them with the stored ones. Its
// dimensions are those of the first vector.
SkipIndexRegistry TestRegistry();

// Stands still at 2024-05-01 00:00:00 UTC.
class FixedClock final : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override {
    return std::chrono::system_clock::time_point(std::chrono::seconds(1714521600));
  }
  std::chrono::steady_clock::time_point Monotonic() const override { return {}; }
};

struct TestContext {
  TestContext();
  operator const TaskContext&() const { return *context; }

  InlineExecutor executor;
  MemoryTracker memory;
  FixedClock clock;
  CancelToken cancel;
  std::mutex mutex;
  std::vector<std::string> warnings;
  std::unique_ptr<TaskContext> context;
};

// A table "t" in directory /t of a file system, and what it takes to open it again.
class TestTable {
 public:
  TestTable(std::shared_ptr<FileSystem> files, std::string definition, std::string directory = "/t",
            LogOwner owner = {});

  void Create();
  TableStore& Open(bool read_only = false);
  void Close() { store_.reset(); }
  TableStore& store() { return *store_; }
  TestContext& context() { return context_; }
  const std::string& definition() const { return definition_; }
  TableStoreOptions Options(bool read_only = false);

  void Insert(const Block& block, const InsertOptions& options = {});
  // Every live row of every visible part, part after part, as text.
  std::vector<std::string> Rows();
  PartPtr OnlyPart();

 private:
  std::shared_ptr<FileSystem> files_;
  std::string definition_;
  std::string directory_;
  LogOwner owner_;
  SkipIndexRegistry registry_ = TestRegistry();
  std::shared_ptr<StorageCaches> caches_;
  TestContext context_;
  std::unique_ptr<TableStore> store_;
};

// Names of the directories in that of a table, without detached/.
std::vector<std::string> PartDirectories(FileSystem& files, const std::string& table);

// What CommitMerge gets if `part` has the rows of `inputs`, one input after the other.
std::vector<MergeOutput> Replacing(std::span<const PartPtr> inputs, const PartPtr& part);

ColumnPtr Numbers(std::vector<uint64_t> values);
ColumnPtr Strings(const std::vector<std::string>& values);
// Array(Float32).
ColumnPtr Floats(const std::vector<std::vector<float>>& rows);
// `rows` random values of any type, by seed.
ColumnPtr RandomColumn(const DataType& type, size_t rows, uint64_t seed);

// The rows of a block as SQL text, one string each.
std::vector<std::string> RowTexts(const Block& block);

}  // namespace granary::testing
