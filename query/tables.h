// The tables of an open database: names to open table stores, kept in step with the catalogue and
// with the background merges. Thread-safe; changes happen one at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "granary/parts/catalog.h"
#include "granary/parts/storage_caches.h"
#include "granary/parts/table_store.h"

namespace granary {

class BackgroundMerges;

// An open table. Statements hold it while they use it; a dropped table lives until the last is
// done.
struct Table {
  std::string name;
  std::shared_ptr<TableStore> store;
};
using TablePtr = std::shared_ptr<const Table>;

struct TablesOptions {
  std::shared_ptr<FileSystem> files;
  std::string directory;
  bool read_only = false;
  const SkipIndexRegistry* registry = nullptr;
  TableSettings default_settings;
  std::function<void(std::weak_ptr<const Part>)> on_unverified_index;  // see StorageCaches
  MemoryTracker* memory =
      nullptr;  // of the database: caches are charged to it; outlives the tables
};

class Tables {
 public:
  // Opens the catalogue and every table. `merges` may be null; it outlives the object.
  Tables(TablesOptions options, BackgroundMerges* merges, const TaskContext& context);
  ~Tables();

  // Throws UNKNOWN_TABLE, which names tables with a close name.
  TablePtr Get(std::string_view name) const;
  // Null if there is none.
  TablePtr Find(std::string_view name) const;
  // By name.
  std::vector<TablePtr> List() const;

  // `definition` is canonical (schema_compiler.h). Throws TABLE_ALREADY_EXISTS.
  void Create(const std::string& name, const std::string& definition, const TaskContext& context);
  // Running statements keep what they use.
  void Drop(const std::string& name);
  // One step in the catalogue; the table's own definition follows.
  void Rename(const std::string& from, const std::string& to);
  // What all tables have cached.
  StorageCaches& caches() { return *caches_; }

 private:
  TablePtr OpenTable(const std::string& name, const std::string& directory,
                     const TaskContext& context);
  TableStoreOptions StoreOptions(const std::string& directory) const;

  const TablesOptions options_;
  BackgroundMerges* const merges_;
  const std::shared_ptr<StorageCaches> caches_;
  const std::unique_ptr<Catalog> catalog_;

  std::mutex change_mutex_;  // one CREATE, DROP or RENAME at a time
  mutable std::shared_mutex mutex_;
  std::map<std::string, TablePtr, std::less<>> tables_;  // guarded by mutex_
};

}  // namespace granary
