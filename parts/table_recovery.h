// What happens when a table is opened: the commit log says which parts there are; damaged ones are
// put aside, directories that no record names are deleted.
#pragma once

#include <memory>
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

struct RecoveredTable {
  std::shared_ptr<TableDirectory> directory;
  CommitLog::Contents log;
  TableState state;  // without the parts that were put aside
  std::vector<std::shared_ptr<const StoredPart>> parts;
  bool must_fold = false;  // the log has a torn tail, or names parts that were put aside
};

// Throws CORRUPTED_DATA if the log is damaged, UNKNOWN_FORMAT_VERSION for newer formats.
RecoveredTable RecoverTable(const TableStoreOptions& options, const TaskContext& context);

// Deletes part directories that the state does not name and what a crash left of a new log.
void DeleteRubbish(TableDirectory& directory, const TableState& state);

// Moves the directory of a part, if it is there, to detached/ and writes the reason beside it.
void MoveToDetached(TableDirectory& directory, const std::string& part, const std::string& reason);

}  // namespace granary
