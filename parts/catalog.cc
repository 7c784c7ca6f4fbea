#include "granary/parts/catalog.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <mutex>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "granary/parts/commit_log.h"
#include "granary/parts/format.h"
#include "granary/parts/table_recovery.h"
#include "granary/parts/table_restore.h"
#include "granary/table/byte_stream.h"

namespace granary {
namespace {

constexpr char kCatalogFile[] = "catalog";
constexpr char kLockFile[] = "lock";
constexpr char kTablesDirectory[] = "tables";
constexpr size_t kRecordsToFold = 256;

// One committed statement; a snapshot is the change that makes the state from nothing.
struct CatalogChange {
  std::vector<std::string> removed;
  std::map<std::string, uint64_t> added;  // name -> directory id
  uint64_t next_id = 1;
};

struct CatalogState {
  std::map<std::string, uint64_t> tables;
  std::set<uint64_t> dropped;  // directories that records take away
  uint64_t next_id = 1;

  void Apply(const CatalogChange& change, const std::string& what) {
    for (const std::string& name : change.removed) {
      const auto found = tables.find(name);
      if (found != tables.end()) {
        dropped.insert(found->second);
        tables.erase(found);
        continue;
      }
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} removes table {}, which does not exist", what, name));
    }
    for (const auto& [name, id] : change.added) {
      dropped.erase(id);
      if (tables.emplace(name, id).second) continue;
      throw Error(ErrorCode::kCorruptedData, fmt::format("{} adds table {} twice", what, name));
    }
    next_id = std::max(next_id, change.next_id);
  }
};

std::vector<std::byte> Encode(const CatalogChange& change) {
  ByteWriter out;
  out.WriteVarint(change.next_id);
  out.WriteVarint(change.removed.size());
  for (const std::string& name : change.removed) out.WriteString(name);
  out.WriteVarint(change.added.size());
  for (const auto& [name, id] : change.added) {
    out.WriteString(name);
    out.WriteVarint(id);
  }
  return out.Take();
}

std::vector<std::byte> EncodeSnapshot(const CatalogState& state) {
  return Encode({{}, state.tables, state.next_id});
}

CatalogChange Decode(std::span<const std::byte> record, const std::string& what) {
  ByteReader in(record, what);
  CatalogChange change;
  change.next_id = in.ReadVarint();
  const size_t removed = in.ReadCount(1);
  for (size_t i = 0; i < removed; ++i) change.removed.emplace_back(in.ReadString());
  const size_t added = in.ReadCount(2);
  for (size_t i = 0; i < added; ++i) {
    const std::string name(in.ReadString());
    change.added[name] = in.ReadVarint();
  }
  in.ExpectEnd();
  return change;
}

// Directories of tables that there are, by number.
std::map<uint64_t, std::string> TableDirectories(FileSystem& files, const std::string& database) {
  std::map<uint64_t, std::string> directories;
  const std::string tables = JoinPath(database, kTablesDirectory);
  if (!files.IsDirectory(tables)) return directories;
  for (const std::string& name : files.List(tables)) {
    uint64_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    const bool is_number = error == std::errc() && end == name.data() + name.size();
    if (is_number) directories[id] = JoinPath(tables, name);
  }
  return directories;
}

bool HoldsTable(FileSystem& files, const std::string& directory) {
  return files.Exists(JoinPath(directory, kCommitLogFile)) ||
         files.Exists(JoinPath(directory, kDefinitionFile));
}

bool HasTables(FileSystem& files, const std::string& database) {
  const auto directories = TableDirectories(files, database);
  return std::any_of(directories.begin(), directories.end(),
                     [&](const auto& entry) { return HoldsTable(files, entry.second); });
}

uint64_t NewDatabaseId() {
  std::random_device random;
  const uint64_t id = uint64_t{random()} << 32 | random();
  return std::max<uint64_t>(id, 1);
}

[[noreturn]] void ThrowCatalogLost(const std::string& problem) {
  throw Error(
      ErrorCode::kCorruptedData,
      fmt::format("{}. The tables are still there. Put the file back from a backup, or open "
                  "the database with DatabaseOptions::restore (the runner: --restore), "
                  "which makes a new catalogue from what the tables' directories say",
                  problem));
}

// Makes a catalogue of what is left.
class CatalogRestoration {
 public:
  CatalogRestoration(const std::shared_ptr<FileSystem>& files, const std::string& directory,
                     const Catalog::NameOf& name_of)
      : files_(*files),
        directory_(directory),
        path_(JoinPath(directory, kCatalogFile)),
        name_of_(name_of) {}

  std::vector<std::string> Run() {
    const CommitLog::Remains remains = CommitLog::Salvage(files_, path_, std::nullopt);
    if (remains.problem.empty() || !HasTables(files_, directory_)) return {};
    Report(remains.problem);
    if (remains.owner) database_ = remains.owner->database;
    Apply(remains.records);
    Apply(remains.beyond_gap);
    TakeUpDirectories();
    if (database_ == 0) database_ = NewDatabaseId();
    CommitLog::Create(files_, path_, {database_, 0}, EncodeSnapshot(state_), remains.next_sequence);
    return std::move(report_);
  }

 private:
  void Report(std::string sentence) { report_.push_back(std::move(sentence)); }

  void Apply(const std::vector<std::vector<std::byte>>& records) {
    for (const std::vector<std::byte>& record : records) {
      try {
        CatalogChange change = Decode(record, path_);
        std::erase_if(change.removed,
                      [&](const std::string& name) { return !state_.tables.contains(name); });
        state_.Apply(change, path_);
      } catch (const Error&) {  // as good as lost
      }
    }
  }

  void TakeUpDirectories() {
    const auto directories = TableDirectories(files_, directory_);
    std::erase_if(state_.tables, [&](const auto& table) {
      if (directories.contains(table.second)) return false;
      Report(fmt::format("Table {} has no directory any more and is left out", table.first));
      return true;
    });
    for (const auto& [id, path] : directories) {
      state_.next_id = std::max(state_.next_id, id + 1);
      const TableTraces traces = FindTableTraces(files_, path);
      if (database_ == 0 && traces.owner) database_ = traces.owner->database;
      const auto named = std::find_if(state_.tables.begin(), state_.tables.end(),
                                      [id = id](const auto& table) { return table.second == id; });
      if (named != state_.tables.end()) {
        TakeUpName(named->first, NameIn(traces.definition));
      } else if (!state_.dropped.contains(id)) {
        TakeUp(id, path, NameIn(traces.definition));
      }
    }
  }

  std::string NameIn(const std::string& definition) const {
    try {
      return definition.empty() ? "" : name_of_(definition);
    } catch (const Error&) {  // not a definition
      return "";
    }
  }

  // RENAME changes the definition first: if the names differ, its record may be what is lost.
  void TakeUpName(std::string recorded, const std::string& defined) {
    if (defined.empty() || state_.tables.contains(defined)) return;
    Report(fmt::format("Table {} was renamed to {}, as its definition says", recorded, defined));
    const uint64_t id = state_.tables.at(recorded);
    state_.tables.erase(recorded);
    state_.tables[defined] = id;
  }

  void TakeUp(uint64_t id, const std::string& path, std::string name) {
    if (name.empty()) name = fmt::format("restored_{}", id);
    while (state_.tables.contains(name)) name += fmt::format("_{}", id);
    state_.tables[name] = id;
    Report(fmt::format("Table {} was taken up from {}", name, path));
  }

  FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  const Catalog::NameOf& name_of_;
  CatalogState state_;
  uint64_t database_ = 0;
  std::vector<std::string> report_;
};

}  // namespace

class Catalog::Impl {
 public:
  Impl(std::shared_ptr<FileSystem> files, const std::string& directory, bool read_only,
       const TaskContext& context)
      : files_(std::move(files)),
        directory_(directory),
        read_only_(read_only),
        removals_(std::make_shared<DeferredRemovals>(files_, directory_)) {
    const std::string path = JoinPath(directory_, kCatalogFile);
    if (!read_only_) PrepareDirectory(path);
    const CommitLog::Contents contents = ReadSettledLog(path, context);
    database_ = contents.owner.database;
    if (!read_only_ && database_ == 0) database_ = NewDatabaseId();
    log_ = std::make_unique<CommitLog>(files_, path, LogOwner{database_, 0}, contents);
    for (const std::string& warning : contents.warnings) context.Warn(warning);
    if (!read_only_ && contents.must_rewrite) log_->Replace(EncodeSnapshot(state_));
    TidyUp(contents.is_end_known, context);
    if (!read_only_ && !contents.is_end_known) log_->NoteDurablePoint();
  }

  const std::shared_ptr<DeferredRemovals>& removals() const { return removals_; }

  std::map<std::string, CatalogTable> tables() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, CatalogTable> tables;
    for (const auto& [name, id] : state_.tables) tables[name] = PlaceOf(id);
    return tables;
  }

  void Create(const std::string& name, const std::function<void(const CatalogTable&)>& make) {
    const std::lock_guard lock(mutex_);
    CheckWritable();
    CheckFree(name);
    // An id is used up even if the statement fails.
    const uint64_t id = next_unused_id_ = std::max(next_unused_id_ + 1, state_.next_id);
    const CatalogTable place = PlaceOf(id);
    try {
      make(place);
      Commit({{}, {{name, id}}, id + 1});
    } catch (...) {
      // If the record may be there, the directory has to be, until the record has been cut back.
      if (log_->is_in_doubt()) {
        doubtful_.push_back(place.directory);
      } else {
        RemoveQuietly(*files_, place.directory);
      }
      throw;
    }
  }

  void Drop(const std::string& name) {
    const std::lock_guard lock(mutex_);
    CheckWritable();
    IdOf(name);
    Commit({{name}, {}, state_.next_id});
  }

  void Rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    CheckWritable();
    const uint64_t id = IdOf(from);
    CheckFree(to);
    Commit({{from}, {{to, id}}, state_.next_id});
  }

 private:
  void PrepareDirectory(const std::string& path) {
    CreateDirectories(*files_, directory_);
    lock_ = files_->Lock(JoinPath(directory_, kLockFile));
    CreateDirectories(*files_, JoinPath(directory_, kTablesDirectory));
    if (files_->Exists(path) || HasTables(*files_, directory_)) return;
    CommitLog::Create(*files_, path, {NewDatabaseId(), 0}, EncodeSnapshot({}));
  }

  // A reader beside a writer may find the log while a record is being written.
  CommitLog::Contents ReadSettledLog(const std::string& path, const TaskContext& context) {
    for (int attempt = 1; read_only_ && attempt < kReadOnlyAttempts; ++attempt) {
      try {
        CommitLog::Contents contents = ReadLog(path);
        if (!MayBeInFlux(contents)) return contents;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kCorruptedData) throw;
      }
      context.CheckCancelled();
      PauseBeforeNextAttempt();
    }
    return ReadLog(path);
  }

  CommitLog::Contents ReadLog(const std::string& path) {
    state_ = CatalogState();
    if (!files_->Exists(path) && HasTables(*files_, directory_)) {
      ThrowCatalogLost(fmt::format("{} is missing, though there are tables", path));
    }
    try {
      CommitLog::Contents contents = CommitLog::Read(*files_, path, std::nullopt);
      for (const std::vector<std::byte>& record : contents.records) {
        state_.Apply(Decode(record, path), path);
      }
      return contents;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorruptedData) throw;
      ThrowCatalogLost(error.message());
    }
  }

  // Deletes what no record names, or puts it aside where the record may be lost.
  void TidyUp(bool is_end_known, const TaskContext& context) {
    std::set<uint64_t> named;
    for (const auto& [name, id] : state_.tables) named.insert(id);
    for (const auto& [id, path] : TableDirectories(*files_, directory_)) {
      if (named.contains(id)) continue;
      const bool may_be_missed = !is_end_known && !state_.dropped.contains(id) &&
                                 HoldsTable(*files_, path) && !IsGone(*files_, path);
      if (may_be_missed) {
        PutAside(id, path, context);
      } else if (!read_only_ && id < state_.next_id) {
        removals_->Remove(path);
      } else if (!read_only_) {
        RemoveTree(*files_, path);  // no record named it, and the next CREATE takes its number
      }
    }
  }

  void PutAside(uint64_t id, const std::string& path, const TaskContext& context) {
    const std::string reason = fmt::format(
        "no record of {} names it: the CREATE TABLE was interrupted before it was acknowledged, or "
        "its record has been lost",
        JoinPath(directory_, kCatalogFile));
    if (read_only_) {
      context.Warn(fmt::format("The table in {} is left out: {}", path, reason));
      return;
    }
    const std::string detached = JoinPath(directory_, kDetachedDirectory);
    CreateDirectories(*files_, detached);
    std::string target = JoinPath(detached, std::to_string(id));
    for (int i = 1; files_->Exists(target); ++i) {
      target = JoinPath(detached, fmt::format("{}.{}", id, i));
    }
    files_->Rename(path, target);
    files_->SyncDirectory(detached);
    files_->SyncDirectory(JoinPath(directory_, kTablesDirectory));
    context.Warn(fmt::format("The table in {} was moved to {}: {}", path, target, reason));
  }

  CatalogTable PlaceOf(uint64_t id) const {
    return {JoinPath(JoinPath(directory_, kTablesDirectory), std::to_string(id)), {database_, id}};
  }

  void CheckWritable() const {
    if (read_only_) {
      throw Error(ErrorCode::kReadonly,
                  fmt::format("The database in {} is open read-only", directory_));
    }
  }

  void CheckFree(const std::string& name) const {
    if (!state_.tables.contains(name)) return;
    throw Error(ErrorCode::kTableAlreadyExists, fmt::format("Table {} already exists", name));
  }

  uint64_t IdOf(const std::string& name) const {
    const auto found = state_.tables.find(name);
    if (found != state_.tables.end()) return found->second;
    throw Error(ErrorCode::kUnknownTable, fmt::format("Table {} does not exist", name));
  }

  void Commit(const CatalogChange& change) {
    CatalogState next = state_;
    next.Apply(change, "the new record");
    CommitLog::Change entry;
    entry.record = Encode(change);
    entry.before = [this] { return EncodeSnapshot(state_); };
    entry.after = [&next] { return EncodeSnapshot(next); };
    log_->Commit(entry, std::max(kRecordsToFold, next.tables.size()), UINT64_MAX);
    state_ = std::move(next);
    for (const std::string& path : doubtful_) removals_->Remove(path);
    doubtful_.clear();
  }

  const std::shared_ptr<FileSystem> files_;
  const std::string directory_;
  const bool read_only_;
  std::unique_ptr<FileLock> lock_;
  const std::shared_ptr<DeferredRemovals> removals_;

  mutable std::mutex mutex_;  // guards what follows
  CatalogState state_;
  uint64_t database_ = 0;
  uint64_t next_unused_id_ = 0;
  std::unique_ptr<CommitLog> log_;
  std::vector<std::string> doubtful_;  // of failed statements whose records may be in the log
};

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

std::unique_ptr<Catalog> Catalog::Open(std::shared_ptr<FileSystem> files,
                                       const std::string& directory, bool read_only,
                                       const TaskContext& context) {
  return std::unique_ptr<Catalog>(
      new Catalog(std::make_unique<Impl>(std::move(files), directory, read_only, context)));
}

std::vector<std::string> Catalog::Restore(const std::shared_ptr<FileSystem>& files,
                                          const std::string& directory, const NameOf& name_of) {
  if (!files->IsDirectory(directory)) return {};
  const auto lock = files->Lock(JoinPath(directory, kLockFile));
  return CatalogRestoration(files, directory, name_of).Run();
}

std::string Catalog::Fingerprint(FileSystem& files, const std::string& directory) {
  return CommitLog::Fingerprint(files, JoinPath(directory, kCatalogFile));
}

std::map<std::string, CatalogTable> Catalog::tables() const { return impl_->tables(); }
const std::shared_ptr<DeferredRemovals>& Catalog::removals() const { return impl_->removals(); }
void Catalog::Create(const std::string& name,
                     const std::function<void(const CatalogTable& place)>& make) {
  impl_->Create(name, make);
}
void Catalog::Drop(const std::string& name) { impl_->Drop(name); }
void Catalog::Rename(const std::string& from, const std::string& to) { impl_->Rename(from, to); }

}  // namespace granary
