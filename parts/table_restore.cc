#include "granary/parts/table_restore.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/commit_log.h"
#include "granary/parts/manifest.h"
#include "granary/parts/stored_part.h"
#include "granary/parts/table_directory.h"
#include "granary/parts/table_log.h"
#include "granary/parts/table_recovery.h"

namespace granary {
namespace {

using StoredPartPtr = std::shared_ptr<const StoredPart>;

// The last definition that records tell, or the copy beside the log.
std::string FindDefinition(FileSystem& files, const std::string& directory,
                           const std::string& of_log) {
  if (!of_log.empty()) return of_log;
  const std::string path = JoinPath(directory, kDefinitionFile);
  if (!files.Exists(path)) return "";
  const std::vector<std::byte> copy = ReadWholeFile(files, path);
  return std::string(reinterpret_cast<const char*>(copy.data()), copy.size());
}

// What records that do not follow each other without a gap say together, as far as it fits.
class StateOfRemains {
 public:
  explicit StateOfRemains(const std::string& path) : path_(path) {}

  void Apply(const std::vector<std::vector<std::byte>>& records) {
    for (const std::vector<std::byte>& record : records) {
      try {
        Apply(DecodeTableChange(record, path_));
      } catch (const Error&) {  // as good as lost
      }
    }
  }

  TableState state;
  std::set<std::string> removed;

 private:
  void Apply(TableChange change) {
    for (const PartName& name : change.removed) removed.insert(name.text());
    std::erase_if(change.removed,
                  [&](const PartName& name) { return !state.parts.contains(name.text()); });
    std::erase_if(change.added,
                  [&](const PartName& name) { return state.parts.contains(name.text()); });
    // A mask of a part whose record is lost: that there is a mask says that the part is.
    DeadRowsByPart dead = std::move(change.dead);
    change.dead.clear();
    state.Apply(change, path_);
    for (const auto& [part, rows] : dead) {
      DeadRowsPtr& mask = state.dead[part];
      if (mask == nullptr || mask->rows().size() != rows->rows().size()) {
        mask = rows;
        continue;
      }
      RowBitmap both = mask->rows();
      both.Or(rows->rows());
      mask = std::make_shared<DeadRows>(std::move(both));
    }
  }

  const std::string path_;
};

class Restoration {
 public:
  Restoration(const TableStoreOptions& options, const TaskContext& context)
      : options_(options),
        context_(context),
        log_path_(JoinPath(options.directory, kCommitLogFile)),
        directory_(std::make_shared<TableDirectory>(options.files, options.directory, options.owner,
                                                    options.caches, options.removals)),
        remains_(CommitLog::Salvage(*options.files, log_path_, options.owner)),
        known_(log_path_) {}

  std::vector<std::string> Run() {
    known_.Apply(remains_.records);
    known_.Apply(remains_.beyond_gap);
    if (!remains_.problem.empty()) Report(remains_.problem);
    FindDefinitionOrThrow();
    FindParts();
    ChooseParts();
    PutAsideOthers();
    WriteLog();
    return std::move(report_);
  }

 private:
  void Report(std::string sentence) { report_.push_back(std::move(sentence)); }

  void FindDefinitionOrThrow() {
    TableState& state = known_.state;
    const bool is_in_log = !state.definition.empty();
    state.definition = FindDefinition(*options_.files, options_.directory, state.definition);
    const std::string path = JoinPath(options_.directory, kDefinitionFile);
    if (state.definition.empty()) {
      throw Error(ErrorCode::kCorruptedData,
                  fmt::format("{}. The definition of the table is lost with it: write the CREATE "
                              "TABLE statement to {} and restore again",
                              remains_.problem, path));
    }
    options_.compile_schema(state.definition);
    if (!is_in_log) Report(fmt::format("The definition of the table was taken from {}", path));
  }

  void FindParts() {
    const UnnamedParts found = FindUnnamedParts(directory_, TableState());
    for (const StoredPartPtr& part : found.whole) whole_[part->name_text()] = part;
    damaged_ = found.damaged;
    next_block_ = known_.state.next_block;
    for (const auto& [text, part] : whole_) {
      next_block_ = std::max(next_block_, part->name().max_block + 1);
    }
  }

  bool IsNamed(const StoredPart& part) const {
    return known_.state.parts.contains(part.name_text());
  }

  // Why a whole part is not taken up; empty if it is. Of a part and those it was made from only one
  // side may be: those that are known to have been visible, if they are all there, as their masks
  // are known; else the later part.
  std::string ReasonAgainst(const StoredPart& part) const {
    if (!IsNamed(part) && known_.removed.contains(part.name_text())) {
      return "a statement took it out of the table";
    }
    for (const auto& [text, other] : whole_) {
      if (Supersedes(other->name(), part.name()) && !IsUnfinishedMerge(*other)) {
        return fmt::format("its rows are in part {}, which was made from it", text);
      }
    }
    if (IsUnfinishedMerge(part)) return "the parts that it was made from are in the table";
    return "";
  }

  // Whether a part that no record names was made from parts that are named and all there.
  bool IsUnfinishedMerge(const StoredPart& part) const {
    if (IsNamed(part)) return false;
    bool is_any = false;
    for (const auto& [text, name] : known_.state.parts) {
      if (!Supersedes(part.name(), name)) continue;
      if (!whole_.contains(text)) return false;
      is_any = true;
    }
    return is_any;
  }

  void ChooseParts() {
    std::map<std::string, PartName> chosen;
    for (const auto& [text, part] : whole_) {
      context_.CheckCancelled();
      if (const std::string reason = ReasonAgainst(*part); !reason.empty()) {
        aside_[text] = reason;
        continue;
      }
      chosen[text] = part->name();
      if (!IsNamed(*part)) {
        Report(fmt::format("Part {} with {} rows was taken up from disk", text, part->rows()));
      }
    }
    for (const auto& [text, name] : known_.state.parts) {
      const bool is_lost =
          !chosen.contains(text) && std::none_of(chosen.begin(), chosen.end(), [&](const auto& by) {
            return Supersedes(by.second, name);
          });
      if (is_lost) Report(fmt::format("Part {} is not there or damaged; its rows are lost", text));
    }
    known_.state.parts = std::move(chosen);
    ChooseMasks();
  }

  void ChooseMasks() {
    std::erase_if(known_.state.dead, [&](const auto& mask) {
      const auto part = whole_.find(mask.first);
      return !known_.state.parts.contains(mask.first) ||
             part->second->rows() != mask.second->rows().size();
    });
    if (remains_.problem.empty()) return;
    Report(
        "Rows that were deleted by statements whose records cannot be read any more may be back; "
        "deletions that can be read were kept");
  }

  void PutAsideOthers() {
    KeepOldLog();
    for (const std::string& name : damaged_) {
      MoveToDetached(*directory_, name, "it could not be opened when its table was restored");
      Report(fmt::format("{} is damaged and was moved to detached/", name));
    }
    for (const auto& [name, reason] : aside_) {
      MoveToDetached(*directory_, name, reason);
      Report(fmt::format("Part {} was moved to detached/: {}", name, reason));
    }
  }

  // A copy, so that the table has its log whenever this is interrupted.
  void KeepOldLog() {
    FileSystem& files = *options_.files;
    if (!files.Exists(log_path_)) return;
    const std::vector<std::byte> log = ReadWholeFile(files, log_path_);
    const std::string copy = log_path_ + ".copy";
    if (files.Exists(copy)) files.Remove(copy);
    const auto file = files.Create(copy);
    file->Append(log);
    file->Sync();
    file->Close();
    MoveToDetached(*directory_, std::string(kCommitLogFile) + ".copy",
                   "the commit log as it was before the table was restored");
  }

  void WriteLog() {
    TableState& state = known_.state;
    state.next_block = next_block_;
    CommitLog::Create(*options_.files, log_path_, options_.owner,
                      EncodeTableChange(state.AsChange()), remains_.next_sequence);
    WriteDefinitionCopy(*options_.files, options_.directory, state.definition);
  }

  const TableStoreOptions& options_;
  const TaskContext& context_;
  const std::string log_path_;
  const std::shared_ptr<TableDirectory> directory_;
  const CommitLog::Remains remains_;
  StateOfRemains known_;
  std::map<std::string, StoredPartPtr> whole_;
  std::vector<std::string> damaged_;
  std::map<std::string, std::string> aside_;  // name -> reason
  uint64_t next_block_ = 1;
  std::vector<std::string> report_;
};

// What the first part with a whole manifest says.
std::optional<LogOwner> OwnerOfParts(FileSystem& files, const std::string& directory) {
  for (const std::string& name : files.List(directory)) {
    const std::string path = JoinPath(JoinPath(directory, name), kManifestFile);
    if (!files.Exists(path)) continue;
    try {
      const std::vector<std::byte> file = ReadWholeFile(files, path);
      const Manifest manifest = DecodeManifest(file, file.size(), path).manifest;
      if (manifest.owner) return manifest.owner;
    } catch (const Error&) {  // the next one may tell
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> RestoreTable(const TableStoreOptions& options,
                                      const TaskContext& context) {
  return Restoration(options, context).Run();
}

TableTraces FindTableTraces(FileSystem& files, const std::string& directory) {
  const std::string path = JoinPath(directory, kCommitLogFile);
  const CommitLog::Remains remains = CommitLog::Salvage(files, path, std::nullopt);
  StateOfRemains known(path);
  known.Apply(remains.records);
  known.Apply(remains.beyond_gap);
  const std::optional<LogOwner> owner =
      remains.owner ? remains.owner : OwnerOfParts(files, directory);
  return {FindDefinition(files, directory, known.state.definition), owner};
}

void WriteDefinitionCopy(FileSystem& files, const std::string& directory,
                         const std::string& definition) {
  const std::string path = JoinPath(directory, kDefinitionFile);
  const std::string fresh = path + kFreshLogSuffix;
  if (files.Exists(fresh)) files.Remove(fresh);
  const auto file = files.Create(fresh);
  file->Append(std::as_bytes(std::span(definition)));
  file->Sync();
  file->Close();
  files.Rename(fresh, path);
}

}  // namespace granary
