// The way on when a table's commit log is damaged or lost: a new log from what can still be read of
// the old one and from the parts on disk. It is never done unasked, as it has to guess: the user
// asks for it (SYSTEM RESTORE TABLE, DatabaseOptions::restore) and is told what it did.
//
// Nothing is deleted. Parts that are not taken up, and the old log, go to detached/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

// A copy of the CREATE TABLE statement beside the commit log, read only when that is lost.
inline constexpr char kDefinitionFile[] = "definition.sql";

// Writes a new commit log. The table must not be open. The result tells in sentences what was found
// and what is not as it was; empty: the log was whole. Throws CORRUPTED_DATA if no definition is
// left, naming the file to write it to; then nothing has changed.
std::vector<std::string> RestoreTable(const TableStoreOptions& options, const TaskContext& context);

// What the directory of a table says of itself, log damaged or not.
struct TableTraces {
  std::string definition;         // empty: none is left
  std::optional<LogOwner> owner;  // nothing: not known
};
TableTraces FindTableTraces(FileSystem& files, const std::string& directory);

// Writes the copy of the definition, durably but for its name.
void WriteDefinitionCopy(FileSystem& files, const std::string& directory,
                         const std::string& definition);

}  // namespace granary
