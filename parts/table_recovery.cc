#include "granary/parts/table_recovery.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/format.h"

namespace granary {
namespace {

constexpr char kReasonSuffix[] = ".reason";

using StoredPartPtr = std::shared_ptr<const StoredPart>;

class Recovery {
 public:
  Recovery(const TableStoreOptions& options, const TaskContext& context,
           std::span<const StoredPartPtr> known)
      : options_(options), context_(context), known_(known) {}

  // Nothing if a writer beside this reader is at work on the log, or has deleted what it named
  // because it does not know of the reader.
  std::optional<RecoveredTable> Run(bool is_last_attempt) {
    RecoveredTable table;
    table.directory = std::make_shared<TableDirectory>(
        options_.files, options_.directory, options_.owner, options_.caches, options_.removals);
    const bool may_retry = options_.read_only && !is_last_attempt;
    try {
      ReadLog(table);
    } catch (const Error& error) {
      if (!may_retry || !IsDamage(error)) throw;
      return std::nullopt;
    }
    if (may_retry && MayBeInFlux(table.log)) return std::nullopt;
    if (const std::optional<std::string> missing = FindMissingPart(table)) {
      if (may_retry) return std::nullopt;
      CheckEndOfLog(table, *missing);
    }
    const std::map<std::string, PartName> named = table.state.parts;
    for (const auto& [text, name] : named) {
      context_.CheckCancelled();
      try {
        StoredPartPtr part = FindKnown(text);
        if (part == nullptr) {
          part = StoredPart::Open(std::make_shared<PartDirectory>(table.directory, text, true));
        }
        CheckMask(table.state, *part);
        table.parts.push_back(std::move(part));
      } catch (const Error& error) {
        if (!IsDamage(error)) throw;
        if (may_retry) return std::nullopt;
        PutAside(table, text, error.message());
      }
    }
    for (const std::string& warning : table.log.warnings) context_.Warn(warning);
    return table;
  }

 private:
  std::string log_path() const { return JoinPath(options_.directory, kCommitLogFile); }

  void ReadLog(RecoveredTable& table) const {
    table.log = CommitLog::Read(*options_.files, log_path(), options_.owner);
    for (const std::vector<std::byte>& record : table.log.records) {
      const TableChange change = DecodeTableChange(record, log_path());
      table.state.Apply(change, log_path());
      for (const PartName& name : change.removed) table.removed.insert(name.text());
    }
    table.must_fold = table.log.must_rewrite;
  }

  StoredPartPtr FindKnown(const std::string& name) const {
    for (const StoredPartPtr& part : known_) {
      if (part->name_text() == name && part->IsUnchanged()) return part;
    }
    return nullptr;
  }

  std::optional<std::string> FindMissingPart(const RecoveredTable& table) const {
    for (const auto& [text, name] : table.state.parts) {
      if (!options_.files->Exists(JoinPath(options_.directory, text))) return text;
    }
    return std::nullopt;
  }

  // Files of a part go once the record that takes it away is durable. A part that the log names and
  // that is not there tells of such a record, if more speaks for it.
  void CheckEndOfLog(const RecoveredTable& table, const std::string& missing) const {
    if (table.log.is_end_known) return;
    const auto found = table.state.parts.find(missing);
    const UnnamedParts unnamed = FindUnnamedParts(table.directory, table.state);
    const bool is_superseded =
        std::any_of(unnamed.whole.begin(), unnamed.whole.end(),
                    [&](const auto& part) { return Supersedes(part->name(), found->second); });
    if (table.log.torn_bytes == 0 && !is_superseded) return;
    throw Error(ErrorCode::kCorruptedData,
                fmt::format("{} is damaged at offset {}: it names part {}, which is gone, and the "
                            "record that took it away cannot be read",
                            log_path(), table.log.whole_bytes, missing));
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
                    part, JoinPath(options_.directory, kDetachedDirectory), reason));
  }

  const TableStoreOptions& options_;
  const TaskContext& context_;
  const std::span<const StoredPartPtr> known_;
};

std::vector<std::string> UnnamedDirectories(TableDirectory& directory, const TableState& state) {
  std::vector<std::string> names = directory.files().List(directory.path());
  std::erase_if(names, [&](const std::string& name) {
    return name == kDetachedDirectory || state.parts.contains(name) ||
           !directory.files().IsDirectory(JoinPath(directory.path(), name));
  });
  return names;
}

// Whether the table can do without a whole part that its log does not name: the log takes it away,
// or has done so, its rows are in the parts that it was made from or in one that was made from it.
bool IsRubbish(const RecoveredTable& table, const PartName& name) {
  if (table.removed.contains(name.text())) return true;
  if (IsGone(table.directory->files(), JoinPath(table.directory->path(), name.text()))) return true;
  return std::any_of(table.state.parts.begin(), table.state.parts.end(), [&](const auto& entry) {
    return Supersedes(entry.second, name) || Supersedes(name, entry.second);
  });
}

// A whole part that no record names and that the table may miss; null if it is anything else. What
// cannot be read for another reason than damage may be one too, and is an error.
StoredPartPtr OpenMissedPart(const RecoveredTable& table, const std::string& name) {
  try {
    auto part = StoredPart::Open(std::make_shared<PartDirectory>(table.directory, name, true));
    return IsRubbish(table, part->name()) ? nullptr : part;
  } catch (const Error& error) {
    if (!IsDamage(error)) throw;
    return nullptr;
  }
}

// Whether a reader in another process may use this directory, which no record names: it is that of
// a whole part whose block numbers some record has used up.
bool MayBeRead(const RecoveredTable& table, const std::string& name) {
  try {
    const auto part =
        StoredPart::Open(std::make_shared<PartDirectory>(table.directory, name, true));
    return part->name().max_block < table.state.next_block;
  } catch (const Error& error) {
    if (!IsDamage(error)) throw;
    return false;
  }
}

// Names whose blocks are not used up will be used again: these directories go at once.
void RemoveRubbish(const RecoveredTable& table, const std::string& name) {
  TableDirectory& directory = *table.directory;
  const std::string path = JoinPath(directory.path(), name);
  if (directory.HasReaders() && MayBeRead(table, name)) {
    directory.Remove(path);
  } else {
    RemoveTree(directory.files(), path);
  }
}

void SaveMissedPart(TableDirectory& directory, const StoredPart& part, bool read_only,
                    const TaskContext& context) {
  const std::string reason = fmt::format(
      "no record of {} names it: the statement that wrote it was interrupted before it "
      "was acknowledged, or its record has been lost",
      JoinPath(directory.path(), kCommitLogFile));
  if (!read_only) MoveToDetached(directory, part.name_text(), reason);
  context.Warn(fmt::format("Part {} with {} rows {}: {}", part.name_text(), part.rows(),
                           read_only
                               ? std::string("is left out")
                               : "was moved to " + JoinPath(directory.path(), kDetachedDirectory),
                           reason));
}

}  // namespace

RecoveredTable RecoverTable(const TableStoreOptions& options, const TaskContext& context,
                            std::span<const StoredPartPtr> known) {
  for (int attempt = 1;; ++attempt) {
    std::optional<RecoveredTable> table =
        Recovery(options, context, known).Run(attempt == kReadOnlyAttempts);
    if (table) return std::move(*table);
    context.CheckCancelled();
    PauseBeforeNextAttempt();
  }
}

bool MayBeInFlux(const CommitLog::Contents& log) {
  return log.torn_bytes > 0 || !log.warnings.empty() ||
         (log.version == kLogFormatVersion && !log.is_end_known);
}

void PauseBeforeNextAttempt() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

void DeleteRubbish(const RecoveredTable& table, bool read_only, const TaskContext& context) {
  TableDirectory& directory = *table.directory;
  FileSystem& files = directory.files();
  if (read_only && table.log.is_end_known) return;
  for (const std::string& name : UnnamedDirectories(directory, table.state)) {
    const StoredPartPtr part = table.log.is_end_known ? nullptr : OpenMissedPart(table, name);
    if (part != nullptr) {
      SaveMissedPart(directory, *part, read_only, context);
    } else if (!read_only) {
      RemoveRubbish(table, name);
    }
  }
  const std::string fresh =
      JoinPath(directory.path(), std::string(kCommitLogFile) + kFreshLogSuffix);
  if (!read_only && files.Exists(fresh)) files.Remove(fresh);
}

UnnamedParts FindUnnamedParts(const std::shared_ptr<TableDirectory>& directory,
                              const TableState& state) {
  UnnamedParts parts;
  for (const std::string& name : UnnamedDirectories(*directory, state)) {
    try {
      parts.whole.push_back(
          StoredPart::Open(std::make_shared<PartDirectory>(directory, name, true)));
    } catch (const Error& error) {
      if (!IsDamage(error)) throw;
      parts.damaged.push_back(name);
    }
  }
  return parts;
}

bool IsDamage(const Error& error) {
  return error.code() == ErrorCode::kCorruptedData || error.code() == ErrorCode::kUnknownType ||
         error.code() == ErrorCode::kFileDoesntExist ||
         error.code() == ErrorCode::kCannotReadAllData;
}

bool Supersedes(const PartName& part, const PartName& other) {
  return part.partition_id == other.partition_id && part.min_block <= other.min_block &&
         part.max_block >= other.max_block && part.level > other.level;
}

std::string MoveToDetached(TableDirectory& directory, const std::string& part,
                           const std::string& reason) {
  FileSystem& files = directory.files();
  const std::string detached = JoinPath(directory.path(), kDetachedDirectory);
  CreateDirectories(files, detached);
  std::string target = JoinPath(detached, part);
  for (int i = 1; files.Exists(target) || files.Exists(target + kReasonSuffix); ++i) {
    target = JoinPath(detached, fmt::format("{}.{}", part, i));
  }
  const auto file = files.Create(target + kReasonSuffix);
  file->Append(std::as_bytes(std::span(reason)));
  file->Sync();
  file->Close();
  const std::string path = JoinPath(directory.path(), part);
  if (files.Exists(path)) files.Rename(path, target);
  files.SyncDirectory(detached);
  files.SyncDirectory(directory.path());
  return target;
}

void MoveBack(TableDirectory& directory, const std::string& part, const std::string& moved) {
  FileSystem& files = directory.files();
  try {
    if (files.Exists(moved)) files.Rename(moved, JoinPath(directory.path(), part));
    files.Remove(moved + kReasonSuffix);
    files.SyncDirectory(directory.path());
  } catch (const std::exception&) {  // the next open finds the part missing and says so
  }
}

}  // namespace granary
