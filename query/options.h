// How a Database is opened and a statement executed: what database.h takes, and what the engine
// below it reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "granary/query/expressions/parameters.h"
#include "granary/skipindex/registry.h"
#include "granary/table/settings.h"
#include "granary/table/task_context.h"

namespace granary {

class FileSystem;

// How far a running statement is.
struct StatementProgress {
  std::string query_id;
  uint64_t rows_done = 0;
  uint64_t rows_total = 0;  // 0: not known
  uint64_t bytes_done = 0;
  double elapsed_seconds = 0;
};

// When a read-only Database takes up what a writer in another process has committed.
enum class RefreshMode {
  kManual,  // at Database::Refresh
  kAuto,    // before every statement; costs a look at two small files for each table
};

struct DatabaseOptions {
  // A directory; created if it does not exist (unless read_only). Empty: the database lives in
  // memory and is gone when it is closed.
  std::string path;
  // Statements that write fail with READONLY. May be opened beside a writer in this or another
  // process, any number of times: it shows the tables and rows that had been committed when it was
  // opened, or at the last Refresh, whatever the writer merges, changes or drops since, and also if
  // the writer ends and another one opens the database. Files of that state stay on disk meanwhile.
  // For that the reader keeps a file in the directory `readers` of the database; where it cannot
  // make one, on_warning says so, and statements fail (FILE_DOESNT_EXIST) once the writer has
  // deleted what they need, until Refresh.
  bool read_only = false;
  // Without meaning if not read_only.
  RefreshMode refresh = RefreshMode::kManual;
  // If the catalogue or a table's commit log is damaged or lost, makes a new one from what can
  // still be read of it and from the tables and parts on disk, and tells on_warning what it did.
  // Nothing is deleted: what is not taken up goes to detached/. Without it a database whose
  // catalogue is damaged does not open, and a table whose log is damaged answers CORRUPTED_DATA
  // until SYSTEM RESTORE TABLE does the same for it. Not with read_only.
  bool restore = false;
  // Threads that work on statements, callers included. 0: one per core.
  size_t threads = 0;
  // Over queries, index builds and caches together. 0: no limit.
  size_t memory_limit_bytes = 0;
  // The kinds of skip index there are; add your own before opening.
  SkipIndexRegistry skip_indexes = SkipIndexRegistry::WithBuiltins();
  // The directory below which file(), INFILE and OUTFILE may open files. Nothing: they may not.
  std::optional<std::string> user_files_path;
  // Merges in the background after inserts. Without them, only OPTIMIZE merges.
  bool background_merges = true;
  // Settings that every session starts with.
  QuerySettings settings;
  // Settings of every table, where CREATE TABLE ... SETTINGS does not say otherwise.
  TableSettings table_settings;
  // Called from any thread with what went wrong but did not fail a statement: damaged indexes,
  // parts put aside, failed background merges. What it throws is ignored.
  std::function<void(const std::string&)> on_warning;
  // For tests: the disk, the time (outlives the Database), the seed of everything random.
  std::shared_ptr<FileSystem> file_system;  // null: that of the system, or memory
  const Clock* clock = nullptr;
  uint64_t seed = 0;
};

struct ExecuteOptions {
  // Names the statement in system.processes, KILL QUERY and Database::Cancel. Empty: one is made
  // up. One that is running already is QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING.
  std::string query_id;
  // In addition to those of the session.
  Parameters parameters;
  // Data of INSERT ... FORMAT that follows what stands in the statement's own text: fills the
  // buffer, returns the number of bytes, 0 at the end.
  std::function<size_t(std::span<char> buffer)> input;
  // Called about ten times a second while the statement runs, from another thread. What it throws
  // is ignored.
  std::function<void(const StatementProgress&)> on_progress;
  // Cancelled from any thread, it cancels the statement, also while Execute itself runs; so do KILL
  // QUERY and Result::Cancel, through the same token. For one statement. Null: one is made.
  std::shared_ptr<CancelToken> cancel;
};

}  // namespace granary
