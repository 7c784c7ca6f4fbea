// The parts of one table: which are visible, how new ones get in and old ones out.
//
// The visible part set is an immutable object that queries take once (parts()). Every change is one
// record in the table's commit log: before the record is written nothing has happened, afterwards
// everything has, whenever the machine stops. Directories that no record names are rubbish and
// deleted at the next open; files of removed parts are deleted when the last PartPtr is gone.
//
// Lives in <database>/tables/<id>/ (catalog.h). The caller holds the database's lock. Thread-safe;
// all parts, readers and writers may outlive the store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/dead_rows.h"
#include "granary/parts/file_system.h"
#include "granary/parts/log_format.h"
#include "granary/parts/merge_row_map.h"
#include "granary/parts/part.h"
#include "granary/parts/part_writer.h"
#include "granary/skipindex/registry.h"
#include "granary/table/block.h"
#include "granary/table/schema.h"

namespace granary {

class DeferredRemovals;
class ReaderLease;

// A part as queries see it.
struct VisiblePart {
  PartPtr part;
  DeadRowsPtr dead;  // null: all rows are alive

  uint64_t dead_rows() const { return dead == nullptr ? 0 : dead->count(); }
  uint64_t live_rows() const { return part->rows() - dead_rows(); }
};

// What a query sees of a table, fixed when it starts.
struct PartSet {
  SchemaPtr schema;
  std::vector<DeclaredIndex> indexes;  // in the order of schema->indexes
  std::vector<VisiblePart> parts;      // ordered by partition id, then first block number
  uint64_t version = 0;                // grows with every change of the set

  uint64_t live_rows() const;
  uint64_t stored_bytes() const;
  // nullptr if the part is not in the set.
  const VisiblePart* Find(const PartPtr& part) const;
  // nullptr if there is none of that name.
  const DeclaredIndex* FindIndex(std::string_view name) const;
};
using PartSetPtr = std::shared_ptr<const PartSet>;

// How a table reaches its surroundings. The registry outlives the store.
struct TableStoreOptions {
  std::shared_ptr<FileSystem> files;
  std::string directory;
  std::shared_ptr<StorageCaches> caches;
  const SkipIndexRegistry* registry = nullptr;
  // Compiles the definition that the commit log holds (Schema::definition).
  std::function<SchemaPtr(const std::string& definition)> compile_schema;
  // Whose the commit log has to be.
  LogOwner owner;
  // Of a writer: deletes what readers in other processes may need. Null: there are none.
  std::shared_ptr<DeferredRemovals> removals;
  // Nothing is moved, deleted or written.
  bool read_only = false;
};

struct InsertOptions {
  bool materialize_indexes = true;           // false: the parts have no sub-indexes
  std::vector<std::string> exclude_indexes;  // names of indexes not to build
  uint64_t first_row = 0;                    // number of the first row in error messages
};

// Which of the declared indexes a rewritten part gets.
struct MergeWriterOptions {
  std::vector<std::string> indexes;  // names; others are not built
  IndexRowCheck index_rows = IndexRowCheck::kSkipIndex;
};

// A part that was written in the place of others.
struct MergeOutput {
  std::vector<PartPtr> inputs;
  PartPtr part;      // null if no row is left
  MergeRowMap rows;  // from the inputs, in their order, to the part
};

// Rows of a part that a DELETE removes: one bit per row.
struct PartDelete {
  PartPtr part;
  RowBitmap rows;
};

class TableStore {
 public:
  // Makes the directory and its commit log with `definition`, durably. Fails if it exists. Checks
  // the indexes of the schema (SkipIndexKind::Declare) before anything is written.
  static void Create(const TableStoreOptions& options, const std::string& definition);

  // Recovers the part set. A damaged part is moved to detached/ with a file that says why, and
  // reported as a warning; a damaged commit log throws CORRUPTED_DATA, and RestoreTable
  // (table_restore.h) makes a new one. A reader beside a writer gives the lease that it took before
  // (reader_lease.h).
  static std::unique_ptr<TableStore> Open(TableStoreOptions options, const TaskContext& context,
                                          std::shared_ptr<const ReaderLease> lease = nullptr);
  ~TableStore();

  PartSetPtr parts() const;
  const std::string& directory() const;

  // For a read-only store: reads the log again, under a lease that was taken before. Objects of
  // parts that are still there, and the schema if it is the same, stay what they were. Throws as
  // Open, and leaves everything as it was then.
  void Refresh(std::shared_ptr<const ReaderLease> lease, const TaskContext& context);
  // The same if it is known that nothing has changed since the log was read.
  void Hold(const std::shared_ptr<const ReaderLease>& lease);

  // Called after every change of the part set, on the thread that made it, without locks held. Set
  // before others use the store; may be empty.
  void SetListener(std::function<void()> listener);

  // Adds the rows as one part per partition, all or none. The block holds the columns of the
  // schema; DEFAULT and CHECK are the caller's business. Throws INCORRECT_DATA for rows that an
  // index cannot hold, naming the row. A block without rows does nothing. The first vectors fix the
  // dimensions of indexes declared without.
  void Insert(const Block& block, const InsertOptions& options, const TaskContext& context);
  // The same for blocks that come one after the other, until there is none: each becomes parts of
  // its own, all of them become visible in one commit. What the source throws ends the insert, and
  // nothing has happened.
  using BlockSource = std::function<std::optional<Block>()>;
  void Insert(const BlockSource& next_block, const InsertOptions& options,
              const TaskContext& context);

  // A writer for the rows of `inputs`, parts of one partition in `base`, in sorting-key order: a
  // new part that covers their block numbers. For merges, and with one input for mutations. Fixes,
  // from the inputs, the dimensions of indexes declared without. `base` is what CommitMerge gets.
  std::unique_ptr<PartWriter> NewMergeWriter(const PartSetPtr& base,
                                             std::span<const PartPtr> inputs,
                                             const MergeWriterOptions& options,
                                             const TaskContext& context);

  // Puts parts (one after a merge, several after a mutation) in the place of their inputs, in one
  // record, if all inputs are still in the set and the table's schema is still that of `base`. Rows
  // of the inputs that died since `base` are dead in the new parts. Otherwise returns false and
  // nothing has changed; drop `outputs` and their files are gone.
  bool CommitMerge(const PartSetPtr& base, std::span<const MergeOutput> outputs);

  // Marks rows as dead, in one record, if all these parts are still in the set; else returns false
  // and nothing has changed. Rows that are dead already stay so. Writes nothing but the record.
  bool CommitDeletes(std::span<const PartDelete> deletes);

  // Replaces the definition (ALTER) if the schema is still that of `base`; else returns false.
  // Parts stay as they are.
  bool CommitSchema(const PartSetPtr& base, const std::string& definition);

  // Removes all parts. Running merges will find that theirs are gone.
  void Truncate();

  // Takes a damaged part out of the set and moves its files to detached/; for CHECK TABLE. False if
  // it is no longer in the set.
  bool Detach(const PartPtr& part, const std::string& reason);

  // Refuses all further changes with UNKNOWN_TABLE and removes the directory once the store and the
  // last part are gone. The catalogue has forgotten the table before.
  void Drop();

 private:
  class Impl;
  explicit TableStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace granary
