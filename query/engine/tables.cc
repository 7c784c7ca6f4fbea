#include "granary/query/engine/tables.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "granary/merge/background_merges.h"
#include "granary/parts/commit_log.h"
#include "granary/parts/table_recovery.h"
#include "granary/parts/table_restore.h"
#include "granary/query/engine/schema_compiler.h"
#include "granary/query/engine/view_definition.h"
#include "granary/query/functions/function_registry.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

// With a lease the first one succeeds; without, files may go while they are read.
constexpr int kSnapshotAttempts = 3;

// A part of the memory limit, so that statements find room beside what is cached.
StorageCaches::Limits CacheLimits(const MemoryTracker& memory) {
  StorageCaches::Limits limits;
  if (memory.limit() == 0) return limits;
  limits.frame_bytes = std::min(limits.frame_bytes, memory.limit() / 4);
  limits.sub_index_bytes = std::min(limits.sub_index_bytes, memory.limit() / 8);
  return limits;
}

std::string HowToRestore(const std::string& name) {
  return "SYSTEM RESTORE TABLE " + sql::QuoteIdentifier(name) +
         " makes a new log from what can be read of the old one and from the parts on disk, and "
         "tells what is lost; DROP TABLE gives the table up";
}

bool IsDamageOfLog(const Error& error) {
  return error.code() == ErrorCode::kCorruptedData || error.code() == ErrorCode::kFileDoesntExist;
}

// Makes the definition in the table's log say `name`.
void NameDefinition(TableStore& store, const std::string& name) {
  for (;;) {
    const PartSetPtr base = store.parts();
    if (base->schema->table_name == name) return;
    if (store.CommitSchema(base, RenamedDefinition(base->schema->definition, name))) return;
  }
}

}  // namespace

Tables::Tables(TablesOptions options, BackgroundMerges* merges, const TaskContext& context)
    : options_(std::move(options)),
      merges_(merges),
      caches_(std::make_shared<StorageCaches>(CacheLimits(*options_.memory), options_.memory)) {
  caches_->OnUnverifiedIndex(options_.on_unverified_index);
  caches_->OnDamagedIndex(options_.on_damaged_index);
  if (options_.read_only) {
    Publish(TakeSnapshot(context));
    return;
  }
  catalog_ = OpenCatalog(context);
  for (const auto& [name, place] : catalog_->tables()) OpenOrHold(name, place, context);
}

Tables::~Tables() = default;

std::unique_ptr<Catalog> Tables::OpenCatalog(const TaskContext& context) const {
  if (options_.restore) {
    for (const std::string& sentence :
         Catalog::Restore(options_.files, options_.directory, NameInDefinition)) {
      context.Warn(sentence);
    }
  }
  return Catalog::Open(options_.files, options_.directory, options_.read_only, context);
}

// Damage of one table is no reason to keep the others closed.
void Tables::OpenOrHold(const std::string& name, const CatalogTable& place,
                        const TaskContext& context) {
  try {
    tables_.emplace(name, OpenTable(name, place, context));
    return;
  } catch (const Error& error) {
    if (!IsDamageOfLog(error)) throw;
    damaged_[name] = {place, error.message()};
    if (!options_.restore) {
      WarnOfDamage(name, error.message(), context);
      return;
    }
  }
  for (const std::string& sentence : Restore(name, context)) {
    context.Warn("Table '" + name + "': " + sentence);
  }
}

void Tables::WarnOfDamage(const std::string& name, const std::string& problem,
                          const TaskContext& context) const {
  context.Warn("Table '" + name + "' cannot be used: " + problem + ". " + HowToRestore(name));
}

TablePtr Tables::Find(std::string_view name) const {
  std::shared_lock lock(mutex_);
  if (const auto damaged = damaged_.find(name); damaged != damaged_.end()) {
    throw Error(ErrorCode::kCorruptedData, "Table '" + damaged->first +
                                               "' cannot be used: " + damaged->second.problem +
                                               ". " + HowToRestore(damaged->first));
  }
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second;
}

bool Tables::Exists(std::string_view name) const {
  std::shared_lock lock(mutex_);
  return tables_.contains(name) || damaged_.contains(name);
}

TablePtr Tables::Get(std::string_view name) const {
  if (TablePtr table = Find(name)) return table;
  std::vector<std::string> names;
  for (const TablePtr& table : List()) names.push_back(table->name);
  throw Error(ErrorCode::kUnknownTable,
              "Table '" + std::string(name) + "' does not exist" + CloseNamesHint(name, names));
}

std::vector<TablePtr> Tables::List() const {
  std::shared_lock lock(mutex_);
  std::vector<TablePtr> tables;
  for (const auto& [name, table] : tables_) tables.push_back(table);
  return tables;
}

void Tables::Create(const std::string& name, const std::string& definition,
                    const TaskContext& context) {
  std::lock_guard change(change_mutex_);
  // What takes memory comes before the catalogue says that there is a table.
  decltype(tables_) made;
  TablePtr& table = made[name];
  try {
    catalog_->Create(name, [&](const CatalogTable& place) {
      TableStore::Create(StoreOptions(place), definition);
      table = OpenTable(name, place, context);
    });
  } catch (...) {
    if (table != nullptr && merges_ != nullptr) merges_->RemoveTable(*table->store);
    throw;
  }
  std::unique_lock lock(mutex_);
  tables_.merge(made);
}

void Tables::Redefine(const std::string& name, const std::string& definition) {
  std::lock_guard change(change_mutex_);
  const TablePtr view = Get(name);
  while (!view->store->CommitSchema(view->store->parts(), definition)) {
  }
}

void Tables::Drop(const std::string& name) {
  std::lock_guard change(change_mutex_);
  if (damaged_.contains(name)) return DropDamaged(name);
  const TablePtr table = Get(name);
  catalog_->Drop(name);
  {
    std::unique_lock lock(mutex_);
    tables_.erase(name);
  }
  if (merges_ != nullptr) merges_->RemoveTable(*table->store);
  table->store->Drop();
}

void Tables::DropDamaged(const std::string& name) {
  const std::string directory = damaged_.at(name).place.directory;
  catalog_->Drop(name);
  {
    std::unique_lock lock(mutex_);
    damaged_.erase(name);
  }
  catalog_->removals()->Remove(directory);
}

void Tables::Rename(const std::string& from, const std::string& to) {
  std::lock_guard change(change_mutex_);
  const TablePtr table = Get(from);
  if (Exists(to)) {
    throw Error(ErrorCode::kTableAlreadyExists, "Table '" + to + "' already exists");
  }
  decltype(tables_) renamed;
  renamed.emplace(
      to, std::make_shared<const Table>(Table{to, table->store, table->owner, table->is_view}));
  NameDefinition(*table->store, to);
  try {
    catalog_->Rename(from, to);
  } catch (...) {
    try {
      NameDefinition(*table->store, from);
    } catch (const std::exception&) {  // the next open does it
    }
    throw;
  }
  std::unique_lock lock(mutex_);
  tables_.erase(from);
  tables_.merge(renamed);
}

std::vector<std::string> Tables::Restore(const std::string& name, const TaskContext& context) {
  std::lock_guard change(change_mutex_);
  const auto found = damaged_.find(name);
  if (found == damaged_.end()) {
    Get(name);
    throw Error(ErrorCode::kBadArguments,
                "Table '" + name + "' has a whole commit log; there is nothing to restore");
  }
  std::vector<std::string> report = RestoreTable(StoreOptions(found->second.place), context);
  TablePtr table = OpenTable(name, found->second.place, context);
  std::unique_lock lock(mutex_);
  damaged_.erase(found);
  tables_.emplace(name, std::move(table));
  return report;
}

TablePtr Tables::OpenTable(const std::string& name, const CatalogTable& place,
                           const TaskContext& context,
                           const std::shared_ptr<const ReaderLease>& lease) {
  try {
    std::shared_ptr<TableStore> store = TableStore::Open(StoreOptions(place), context, lease);
    // A RENAME that was interrupted has changed the definition alone.
    if (!options_.read_only && store->parts()->schema->table_name != name) {
      NameDefinition(*store, name);
    }
    const bool is_view = IsViewDefinition(store->parts()->schema->definition);
    if (merges_ != nullptr && !options_.read_only && !is_view) merges_->AddTable(store);
    return std::make_shared<const Table>(Table{name, std::move(store), place.owner, is_view});
  } catch (Error& error) {
    error.AddContext("opening table '" + name + "'");
    throw;
  }
}

TableStoreOptions Tables::StoreOptions(const CatalogTable& place) const {
  TableStoreOptions options;
  options.files = options_.files;
  options.directory = place.directory;
  options.owner = place.owner;
  options.caches = caches_;
  options.registry = options_.registry;
  options.compile_schema = [](const std::string& definition) { return CompileSchema(definition); };
  options.read_only = options_.read_only;
  if (catalog_ != nullptr) options.removals = catalog_->removals();
  return options;
}

void Tables::Refresh(const TaskContext& context) {
  if (!options_.read_only) return;
  std::lock_guard change(change_mutex_);
  if (HasChanged()) Publish(TakeSnapshot(context));
}

std::string Tables::LogFingerprint(const std::string& directory) const {
  return CommitLog::Fingerprint(*options_.files, JoinPath(directory, kCommitLogFile));
}

bool Tables::HasChanged() const {
  if (Catalog::Fingerprint(*options_.files, options_.directory) != catalog_fingerprint_) {
    return true;
  }
  return std::any_of(log_fingerprints_.begin(), log_fingerprints_.end(), [&](const auto& entry) {
    return LogFingerprint(entry.first) != entry.second;
  });
}

Tables::Snapshot Tables::TakeSnapshot(const TaskContext& context) {
  for (int attempt = 1;; ++attempt) {
    std::optional<Snapshot> snapshot = TryTakeSnapshot(attempt == kSnapshotAttempts, context);
    if (snapshot) return std::move(*snapshot);
  }
}

// Fingerprints are taken before what they tell of is read, so that nothing is missed; all of it
// after the lease, so that no file that is named is deleted.
std::optional<Tables::Snapshot> Tables::TryTakeSnapshot(bool is_last_attempt,
                                                        const TaskContext& context) {
  const auto lease = ReaderLease::Take(options_.files, options_.directory, context);
  Snapshot snapshot;
  snapshot.catalog_fingerprint = Catalog::Fingerprint(*options_.files, options_.directory);
  snapshot.catalog = Catalog::Open(options_.files, options_.directory, true, context);
  for (const auto& [name, place] : snapshot.catalog->tables()) {
    try {
      snapshot.tables.emplace(name, TakeUp(name, place, snapshot, lease, context));
    } catch (const Error& error) {
      if (!IsDamageOfLog(error)) throw;
      if (lease == nullptr && !is_last_attempt) return std::nullopt;
      snapshot.damaged[name] = {place, error.message()};
      WarnOfDamage(name, error.message(), context);
    }
  }
  return snapshot;
}

// A table that was open keeps its store, under another name too.
TablePtr Tables::TakeUp(const std::string& name, const CatalogTable& place, Snapshot& snapshot,
                        const std::shared_ptr<const ReaderLease>& lease,
                        const TaskContext& context) {
  const std::string fingerprint = LogFingerprint(place.directory);
  snapshot.log_fingerprints[place.directory] = fingerprint;
  const TablePtr known = FindStore(place);
  if (known == nullptr) return OpenTable(name, place, context, lease);
  const auto before = log_fingerprints_.find(place.directory);
  if (before != log_fingerprints_.end() && before->second == fingerprint) {
    known->store->Hold(lease);
  } else {
    known->store->Refresh(lease, context);
    // Should the rest of the snapshot fail, the next one has to look again.
    log_fingerprints_[place.directory].clear();
  }
  if (known->name == name) return known;
  return std::make_shared<const Table>(Table{name, known->store, place.owner, known->is_view});
}

TablePtr Tables::FindStore(const CatalogTable& place) const {
  for (const auto& [name, table] : tables_) {
    if (table->owner == place.owner) return table;
  }
  return nullptr;
}

void Tables::Publish(Snapshot snapshot) {
  catalog_ = std::move(snapshot.catalog);
  catalog_fingerprint_ = std::move(snapshot.catalog_fingerprint);
  log_fingerprints_ = std::move(snapshot.log_fingerprints);
  std::unique_lock lock(mutex_);
  tables_.swap(snapshot.tables);
  damaged_.swap(snapshot.damaged);
}

}  // namespace granary
