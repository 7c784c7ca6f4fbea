#include "granary/query/tables.h"

#include <algorithm>
#include <utility>

#include "granary/merge/background_merges.h"
#include "granary/query/functions/function_registry.h"
#include "granary/query/schema_compiler.h"

namespace granary {
namespace {

// A part of the memory limit, so that statements find room beside what is cached.
StorageCaches::Limits CacheLimits(const MemoryTracker& memory) {
  StorageCaches::Limits limits;
  if (memory.limit() == 0) return limits;
  limits.frame_bytes = std::min(limits.frame_bytes, memory.limit() / 4);
  limits.sub_index_bytes = std::min(limits.sub_index_bytes, memory.limit() / 8);
  return limits;
}

}  // namespace

Tables::Tables(TablesOptions options, BackgroundMerges* merges, const TaskContext& context)
    : options_(std::move(options)),
      merges_(merges),
      caches_(std::make_shared<StorageCaches>(CacheLimits(*options_.memory), options_.memory)),
      catalog_(Catalog::Open(options_.files, options_.directory, options_.read_only, context)) {
  caches_->OnUnverifiedIndex(options_.on_unverified_index);
  for (const auto& [name, directory] : catalog_->tables()) {
    tables_.emplace(name, OpenTable(name, directory, context));
  }
}

Tables::~Tables() = default;

TablePtr Tables::Find(std::string_view name) const {
  std::shared_lock lock(mutex_);
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second;
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
  const std::string directory = catalog_->Create(
      name, [&](const std::string& path) { TableStore::Create(StoreOptions(path), definition); });
  TablePtr table = OpenTable(name, directory, context);
  std::unique_lock lock(mutex_);
  tables_.emplace(name, std::move(table));
}

void Tables::Drop(const std::string& name) {
  std::lock_guard change(change_mutex_);
  const TablePtr table = Get(name);
  catalog_->Drop(name);
  {
    std::unique_lock lock(mutex_);
    tables_.erase(name);
  }
  if (merges_ != nullptr) merges_->RemoveTable(*table->store);
  table->store->Drop();
}

void Tables::Rename(const std::string& from, const std::string& to) {
  std::lock_guard change(change_mutex_);
  const TablePtr table = Get(from);
  catalog_->Rename(from, to);
  {
    std::unique_lock lock(mutex_);
    tables_.erase(from);
    tables_.emplace(to, std::make_shared<const Table>(Table{to, table->store}));
  }
  for (;;) {
    const PartSetPtr base = table->store->parts();
    sql::CreateTableStatement definition = *ParseDefinition(base->schema->definition);
    definition.table.table = to;
    if (table->store->CommitSchema(base, FormatDefinition(definition))) return;
  }
}

TablePtr Tables::OpenTable(const std::string& name, const std::string& directory,
                           const TaskContext& context) {
  try {
    std::shared_ptr<TableStore> store = TableStore::Open(StoreOptions(directory), context);
    if (merges_ != nullptr) merges_->AddTable(store);
    return std::make_shared<const Table>(Table{name, std::move(store)});
  } catch (Error& error) {
    error.AddContext("opening table '" + name + "'");
    throw;
  }
}

TableStoreOptions Tables::StoreOptions(const std::string& directory) const {
  TableStoreOptions options;
  options.files = options_.files;
  options.directory = directory;
  options.caches = caches_;
  options.registry = options_.registry;
  options.compile_schema = [](const std::string& definition) { return CompileSchema(definition); };
  options.read_only = options_.read_only;
  return options;
}

}  // namespace granary
