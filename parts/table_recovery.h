// What happens when a table is opened: the commit log says which parts there are; damaged ones are
// put aside, directories that no record names are deleted, or put aside where the log may have lost
// the record that named them.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/commit_log.h"
#include "granary/parts/stored_part.h"
#include "granary/parts/table_directory.h"
#include "granary/parts/table_log.h"
#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

inline constexpr char kCommitLogFile[] = "commit_log";
inline constexpr char kDetachedDirectory[] = "detached";

struct RecoveredTable {
  std::shared_ptr<TableDirectory> directory;
  CommitLog::Contents log;
  TableState state;               // without the parts that were put aside
  std::set<std::string> removed;  // parts that records of the log take away
  std::vector<std::shared_ptr<const StoredPart>> parts;
  bool must_fold = false;  // the log is to be rewritten, or names parts that were put aside
};

// Throws CORRUPTED_DATA if the log is damaged or has lost its end, UNKNOWN_FORMAT_VERSION for newer
// formats. Log and parts of a table that throws CORRUPTED_DATA are left as they are: RestoreTable
// (table_restore.h) is the way on.
// `known` are parts that are open already; those that are still the same on disk are taken, with
// their directory's object.
RecoveredTable RecoverTable(const TableStoreOptions& options, const TaskContext& context,
                            std::span<const std::shared_ptr<const StoredPart>> known = {});

// Whether a log, as a reader beside a writer has found it, may look like this because the writer is
// at work on it. It is to be read again then.
bool MayBeInFlux(const CommitLog::Contents& log);
// How often, with a pause in between, until it is taken as it is.
inline constexpr int kReadOnlyAttempts = 10;
void PauseBeforeNextAttempt();

// Deletes what a crash left: part directories that no record names and an unfinished log. A whole
// part goes to detached/ instead, with a warning, unless it is certain that the table does not miss
// it. Where nothing may be changed there are only the warnings.
void DeleteRubbish(const RecoveredTable& table, bool read_only, const TaskContext& context);

// Part directories that `state` does not name: what can be opened, and the names of damaged ones.
// Throws what is not damage.
struct UnnamedParts {
  std::vector<std::shared_ptr<const StoredPart>> whole;
  std::vector<std::string> damaged;
};
UnnamedParts FindUnnamedParts(const std::shared_ptr<TableDirectory>& directory,
                              const TableState& state);

// Whether an error of opening a part or a log is damage: I/O errors may pass, and newer formats are
// fine for a newer Granary.
bool IsDamage(const Error& error);

// Whether `part` was made from `other`, by a merge or a mutation.
bool Supersedes(const PartName& part, const PartName& other);

// Moves the directory of a part, if it is there, to detached/ and writes the reason beside it.
// Returns its new path.
std::string MoveToDetached(TableDirectory& directory, const std::string& part,
                           const std::string& reason);
// Undoes MoveToDetached, which returned `moved`; quietly, as it follows a failure.
void MoveBack(TableDirectory& directory, const std::string& part, const std::string& moved);

}  // namespace granary
