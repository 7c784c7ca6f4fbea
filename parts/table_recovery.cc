#include "granary/parts/table_recovery.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace granary {
namespace {

constexpr char kDetached[] = "detached";
// A reader beside a writer may see a log that names parts which are merged away before they are
// opened; then the log is read again.
constexpr int kReadOnlyAttempts = 10;

// I/O errors may pass and newer formats are fine for a newer Granary; neither is damage.
bool IsDamage(const Error& error) {
  return error.code() == ErrorCode::kCorruptedData || error.code() == ErrorCode::kUnknownType ||
         error.code() == ErrorCode::kFileDoesntExist ||
         error.code() == ErrorCode::kCannotReadAllData;
}

class Recovery {
 public:
  Recovery(const TableStoreOptions& options, const TaskContext& context)
      : options_(options), context_(context) {}

  // Nothing if the log changed underneath.
  std::optional<RecoveredTable> Run(bool is_last_attempt) {
    RecoveredTable table;
    table.directory =
        std::make_shared<TableDirectory>(options_.files, options_.directory, options_.caches);
    ReadLog(table);
    const std::map<std::string, PartName> named = table.state.parts;
    for (const auto& [text, name] : named) {
      context_.CheckCancelled();
      try {
        auto part = StoredPart::Open(std::make_shared<PartDirectory>(table.directory, text, true));
        CheckMask(table.state, *part);
        table.parts.push_back(std::move(part));
      } catch (const Error& error) {
        if (!IsDamage(error)) throw;
        if (options_.read_only && !is_last_attempt) return std::nullopt;
        PutAside(table, text, error.message());
      }
    }
    return table;
  }

 private:
  void ReadLog(RecoveredTable& table) const {
    const std::string path = JoinPath(options_.directory, kCommitLogFile);
    table.log = CommitLog::Read(*options_.files, path);
    for (const std::vector<std::byte>& record : table.log.records) {
      table.state.Apply(DecodeTableChange(record, path), path);
    }
    if (table.log.torn_bytes == 0) return;
    table.must_fold = true;
    if (options_.read_only) return;
    context_.Warn(
        fmt::format("{}: {} bytes after the last whole record were cut off; a statement "
                    "that was not acknowledged has not happened",
                    path, table.log.torn_bytes));
  }

  void CheckMask(const TableState& state, const Part& part) const {
    const auto found = state.dead.find(part.name_text());
    if (found == state.dead.end() || found->second->rows().size() == part.rows()) return;
    throw Error(ErrorCode::kCorruptedData,
                fmt::format("part {} has {} rows, but the commit log deletes rows of one with {}",
                            part.name_text(), part.rows(), found->second->rows().size()));
  }

  void PutAside(RecoveredTable& table, const std::string& part, const std::string& reason) const {
    table.state.parts.erase(part);
    table.state.dead.erase(part);
    table.must_fold = true;
    if (options_.read_only) {
      context_.Warn(fmt::format("Part {} is damaged and left out: {}", part, reason));
      return;
    }
    MoveToDetached(*table.directory, part, reason);
    context_.Warn(
        fmt::format("Part {} is damaged and was moved to {}; its rows are lost to the "
                    "table: {}",
                    part, JoinPath(options_.directory, kDetached), reason));
  }

  const TableStoreOptions& options_;
  const TaskContext& context_;
};

}  // namespace

RecoveredTable RecoverTable(const TableStoreOptions& options, const TaskContext& context) {
  for (int attempt = 1;; ++attempt) {
    std::optional<RecoveredTable> table =
        Recovery(options, context).Run(attempt == kReadOnlyAttempts);
    if (table) return std::move(*table);
  }
}

void DeleteRubbish(TableDirectory& directory, const TableState& state) {
  FileSystem& files = directory.files();
  for (const std::string& name : files.List(directory.path())) {
    const std::string path = JoinPath(directory.path(), name);
    const bool is_unnamed_part =
        name != kDetached && !state.parts.contains(name) && files.IsDirectory(path);
    const bool is_unfinished_log = name == std::string(kCommitLogFile) + kFreshLogSuffix;
    if (is_unnamed_part || is_unfinished_log) RemoveTree(files, path);
  }
}

void MoveToDetached(TableDirectory& directory, const std::string& part, const std::string& reason) {
  FileSystem& files = directory.files();
  const std::string detached = JoinPath(directory.path(), kDetached);
  CreateDirectories(files, detached);
  std::string target = JoinPath(detached, part);
  for (int i = 1; files.Exists(target) || files.Exists(target + ".reason"); ++i) {
    target = JoinPath(detached, fmt::format("{}.{}", part, i));
  }
  const auto file = files.Create(target + ".reason");
  file->Append(std::as_bytes(std::span(reason)));
  file->Sync();
  file->Close();
  const std::string path = JoinPath(directory.path(), part);
  if (files.Exists(path)) files.Rename(path, target);
  files.SyncDirectory(detached);
  files.SyncDirectory(directory.path());
}

}  // namespace granary
