#include "granary/parts/catalog.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "granary/parts/commit_log.h"
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
  uint64_t next_id = 1;

  void Apply(const CatalogChange& change, const std::string& what) {
    for (const std::string& name : change.removed) {
      if (tables.erase(name) != 0) continue;
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{} removes table {}, which does not exist", what, name));
    }
    for (const auto& [name, id] : change.added) {
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

}  // namespace

class Catalog::Impl {
 public:
  Impl(std::shared_ptr<FileSystem> files, const std::string& directory, bool read_only,
       const TaskContext& context)
      : files_(std::move(files)), directory_(directory), read_only_(read_only) {
    const std::string path = JoinPath(directory_, kCatalogFile);
    if (!read_only_) PrepareDirectory(path);
    const CommitLog::Contents contents = CommitLog::Read(*files_, path);
    for (const std::vector<std::byte>& record : contents.records) {
      state_.Apply(Decode(record, path), path);
    }
    log_ = std::make_unique<CommitLog>(files_, path, contents);
    if (read_only_) return;
    if (contents.torn_bytes > 0) {
      context.Warn(
          fmt::format("{}: {} bytes after the last whole record were cut off; a statement "
                      "that was not acknowledged has not happened",
                      path, contents.torn_bytes));
      log_->Replace(EncodeSnapshot(state_));
    }
    DeleteRubbish();
  }

  std::map<std::string, std::string> tables() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::string> tables;
    for (const auto& [name, id] : state_.tables) tables[name] = TableDirectory(id);
    return tables;
  }

  std::string Create(const std::string& name,
                     const std::function<void(const std::string& directory)>& make) {
    const std::lock_guard lock(mutex_);
    CheckWritable();
    CheckFree(name);
    // An id is used up even if the statement fails.
    const uint64_t id = next_unused_id_ = std::max(next_unused_id_ + 1, state_.next_id);
    const std::string path = TableDirectory(id);
    try {
      make(path);
      Commit({{}, {{name, id}}, id + 1});
    } catch (...) {
      if (!log_->has_failed()) RemoveQuietly(path);
      throw;
    }
    return path;
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
    if (!files_->Exists(path)) CommitLog::Create(*files_, path, EncodeSnapshot({}));
  }

  void DeleteRubbish() {
    const std::string tables = JoinPath(directory_, kTablesDirectory);
    for (const std::string& name : files_->List(tables)) {
      const bool is_named =
          std::any_of(state_.tables.begin(), state_.tables.end(),
                      [&](const auto& table) { return std::to_string(table.second) == name; });
      if (!is_named) RemoveTree(*files_, JoinPath(tables, name));
    }
  }

  void RemoveQuietly(const std::string& path) {
    try {
      RemoveTree(*files_, path);
    } catch (const Error&) {  // the next open removes it
    }
  }

  std::string TableDirectory(uint64_t id) const {
    return JoinPath(JoinPath(directory_, kTablesDirectory), std::to_string(id));
  }

  void CheckWritable() const {
    if (read_only_) {
      throw Error(ErrorCode::kReadonly,
                  fmt::format("The database in {} is open read-only", directory_));
    }
    if (log_->has_failed()) {
      throw Error(ErrorCode::kCannotWriteFile,
                  fmt::format("An earlier failure left the catalogue of {} in an unknown state; "
                              "tables can be made and dropped again once the database has been "
                              "opened again",
                              directory_));
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
  }

  const std::shared_ptr<FileSystem> files_;
  const std::string directory_;
  const bool read_only_;
  std::unique_ptr<FileLock> lock_;

  mutable std::mutex mutex_;  // guards what follows
  CatalogState state_;
  uint64_t next_unused_id_ = 0;
  std::unique_ptr<CommitLog> log_;
};

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

std::unique_ptr<Catalog> Catalog::Open(std::shared_ptr<FileSystem> files,
                                       const std::string& directory, bool read_only,
                                       const TaskContext& context) {
  return std::unique_ptr<Catalog>(
      new Catalog(std::make_unique<Impl>(std::move(files), directory, read_only, context)));
}

std::map<std::string, std::string> Catalog::tables() const { return impl_->tables(); }
std::string Catalog::Create(const std::string& name,
                            const std::function<void(const std::string& directory)>& make) {
  return impl_->Create(name, make);
}
void Catalog::Drop(const std::string& name) { impl_->Drop(name); }
void Catalog::Rename(const std::string& from, const std::string& to) { impl_->Rename(from, to); }

}  // namespace granary
