// A table for tests of merges, without SQL: a store on any file system, rows in and out.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "granary/parts/simulated_disk.h"
#include "granary/parts/table_store.h"
#include "granary/skipindex/registry.h"
#include "granary/table/task_context.h"

namespace granary::testing {

// PARTITION BY bucket ORDER BY key; text is a payload that tells rows apart.
struct TestRow {
  uint64_t key = 0;
  std::string text;
  uint8_t bucket = 0;

  friend auto operator<=>(const TestRow&, const TestRow&) = default;
};

struct TestTableOptions {
  TableSettings settings;
  bool partitioned = false;
  bool sorted = true;
  bool minmax_index = false;  // "key_range" over key
  bool vector_index = false;  // "near" over vector
  size_t dimensions = 8;
};

// Settings that make a dozen rows span granules, index blocks and wide parts, with graphs forced.
TableSettings TinySettings();

// The vector of a key: the same key, the same vector; different keys, different vectors.
std::vector<float> VectorOf(uint64_t key, size_t dimensions);

// What a statement would bring along: one thread, no limits. Members may be replaced before use.
struct TestContext {
  InlineExecutor executor;
  MemoryTracker memory;
  CancelToken cancel;
  Progress progress;
  std::vector<std::string> warnings;

  TaskContext context{{.executor = &executor,
                       .memory = &memory,
                       .cancel = &cancel,
                       .progress = &progress,
                       .warn = [this](const std::string& text) { warnings.push_back(text); }}};
};

class TestTable {
 public:
  // Creates the table, or opens the one that is on the disk.
  TestTable(std::shared_ptr<FileSystem> files, TestTableOptions options);

  TableStore& store() { return *store_; }
  const std::shared_ptr<TableStore>& store_pointer() const { return store_; }
  const TestTableOptions& options() const { return options_; }
  // Warnings of opening.
  const std::vector<std::string>& warnings() const { return context_.warnings; }

  void Insert(const std::vector<TestRow>& rows);
  // Keys first_key, first_key + step, ..., one INSERT; texts name the key and `tag`.
  void InsertKeys(uint64_t first_key, uint64_t step, size_t rows, const std::string& tag = "");

  // Deletes the rows with these keys, in one commit; tries again if merges take parts away.
  void DeleteKeys(const std::set<uint64_t>& keys);

  std::vector<PartPtr> Parts() const;
  // All rows in part order; checks that parts are sorted and that vectors belong to their keys.
  std::vector<TestRow> Rows() const;
  // The same, sorted.
  std::vector<TestRow> SortedRows() const;

  // A schema with another definition: what ALTER makes.
  std::string OtherDefinition() const { return "other"; }

 private:
  Block MakeBlock(const std::vector<TestRow>& rows) const;

  const TestTableOptions options_;
  SkipIndexRegistry registry_;
  mutable TestContext context_;
  std::shared_ptr<TableStore> store_;
};

}  // namespace granary::testing
