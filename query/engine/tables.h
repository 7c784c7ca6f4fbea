// The tables and views of an open database: names to open table stores, kept in step with the
// catalogue and with the background merges. A table whose commit log is damaged keeps its name, and
// whoever asks for it is told how to go on; the others are open. Beside a writer in another process
// a read-only database shows what it found until it is told to look again. Thread-safe; changes
// happen one at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "granary/parts/catalog.h"
#include "granary/parts/reader_lease.h"
#include "granary/parts/storage_caches.h"
#include "granary/parts/table_store.h"

namespace granary {

class BackgroundMerges;

// An open table, or a view, which is a table without rows (view_definition.h). Statements hold it
// while they use it; a dropped table lives until the last is done.
struct Table {
  std::string name;
  std::shared_ptr<TableStore> store;
  LogOwner owner;  // which table of which database it is, whatever its name
  bool is_view = false;
};
using TablePtr = std::shared_ptr<const Table>;

struct TablesOptions {
  std::shared_ptr<FileSystem> files;
  std::string directory;
  bool read_only = false;
  bool restore = false;  // see DatabaseOptions
  const SkipIndexRegistry* registry = nullptr;
  TableSettings default_settings;
  std::function<void(std::weak_ptr<const Part>)> on_unverified_index;  // see StorageCaches
  std::function<void()> on_damaged_index;
  MemoryTracker* memory =
      nullptr;  // of the database: caches are charged to it; outlives the tables
};

class Tables {
 public:
  // Opens the catalogue and every table. `merges` may be null; it outlives the object.
  Tables(TablesOptions options, BackgroundMerges* merges, const TaskContext& context);
  ~Tables();

  // Throws UNKNOWN_TABLE, which names tables with a close name, or CORRUPTED_DATA if the table's
  // log is damaged.
  TablePtr Get(std::string_view name) const;
  // Null if there is none. Throws CORRUPTED_DATA if the table's log is damaged.
  TablePtr Find(std::string_view name) const;
  // Whether the name is taken, by a damaged table too.
  bool Exists(std::string_view name) const;
  // By name; without damaged ones.
  std::vector<TablePtr> List() const;

  // `definition` is canonical (schema_compiler.h). Throws TABLE_ALREADY_EXISTS.
  void Create(const std::string& name, const std::string& definition, const TaskContext& context);
  // Gives a view another definition, in one step. Throws UNKNOWN_TABLE.
  void Redefine(const std::string& name, const std::string& definition);
  // Running statements keep what they use.
  void Drop(const std::string& name);
  // One step in the catalogue, which counts; the table's own definition goes before.
  void Rename(const std::string& from, const std::string& to);
  // Makes a new commit log for a damaged table (table_restore.h) and opens it; tells in sentences
  // what was found. Throws BAD_ARGUMENTS if the table is not damaged.
  std::vector<std::string> Restore(const std::string& name, const TaskContext& context);
  // For a read-only database: takes up what a writer has committed since. Nothing happens if that
  // is nothing, or if this is the writer. Throws as the constructor; then everything is as it was.
  void Refresh(const TaskContext& context);
  // What all tables have cached.
  StorageCaches& caches() { return *caches_; }
  // Of the writer.
  DeferredRemovals& removals() { return *catalog_->removals(); }

 private:
  // A table that could not be opened.
  struct DamagedTable {
    CatalogTable place;
    std::string problem;
  };

  // What a reader has found on disk.
  struct Snapshot {
    std::unique_ptr<Catalog> catalog;
    std::string catalog_fingerprint;
    std::map<std::string, std::string> log_fingerprints;  // by directory
    std::map<std::string, TablePtr, std::less<>> tables;
    std::map<std::string, DamagedTable, std::less<>> damaged;
  };

  std::unique_ptr<Catalog> OpenCatalog(const TaskContext& context) const;
  void OpenOrHold(const std::string& name, const CatalogTable& place, const TaskContext& context);
  TablePtr OpenTable(const std::string& name, const CatalogTable& place, const TaskContext& context,
                     const std::shared_ptr<const ReaderLease>& lease = nullptr);
  void WarnOfDamage(const std::string& name, const std::string& problem,
                    const TaskContext& context) const;

  std::string LogFingerprint(const std::string& directory) const;
  bool HasChanged() const;
  Snapshot TakeSnapshot(const TaskContext& context);
  // Nothing if tables of the catalogue are gone, as the writer did not know of this reader.
  std::optional<Snapshot> TryTakeSnapshot(bool is_last_attempt, const TaskContext& context);
  TablePtr TakeUp(const std::string& name, const CatalogTable& place, Snapshot& snapshot,
                  const std::shared_ptr<const ReaderLease>& lease, const TaskContext& context);
  TablePtr FindStore(const CatalogTable& place) const;
  void Publish(Snapshot snapshot);
  TableStoreOptions StoreOptions(const CatalogTable& place) const;
  void DropDamaged(const std::string& name);

  const TablesOptions options_;
  BackgroundMerges* const merges_;
  const std::shared_ptr<StorageCaches> caches_;

  std::mutex change_mutex_;  // one CREATE, DROP, RENAME or Refresh at a time; guards what follows
  std::unique_ptr<Catalog> catalog_;
  std::string catalog_fingerprint_;                      // of a reader, as are the others
  std::map<std::string, std::string> log_fingerprints_;  // by directory

  mutable std::shared_mutex mutex_;
  std::map<std::string, TablePtr, std::less<>> tables_;       // guarded by mutex_
  std::map<std::string, DamagedTable, std::less<>> damaged_;  // guarded by mutex_
};

}  // namespace granary
