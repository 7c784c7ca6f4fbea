#include "granary/parts/table_store.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/commit_log.h"
#include "granary/parts/format.h"
#include "granary/parts/insert_task.h"
#include "granary/parts/part_reader.h"
#include "granary/parts/stored_part.h"
#include "granary/parts/table_definition.h"
#include "granary/parts/table_directory.h"
#include "granary/parts/table_log.h"
#include "granary/parts/table_recovery.h"
#include "granary/parts/table_restore.h"

namespace granary {
namespace {

// The log is folded when it has this many records, and at least as many as there are parts; or this
// many bytes, and at least twice as many as are needed for two copies of everything.
constexpr size_t kRecordsToFold = 256;
constexpr uint64_t kBytesToFold = 128 << 10;
constexpr uint64_t kBytesPerLiveByte = 4;

bool InOrder(const VisiblePart& a, const VisiblePart& b) {
  const auto key = [](const PartName& name) {
    return std::tie(name.partition_id, name.min_block, name.max_block, name.level, name.version);
  };
  return key(a.part->name()) < key(b.part->name());
}

DeadRowsPtr MaskOf(const TableState& state, const Part& part) {
  const auto found = state.dead.find(part.name_text());
  return found == state.dead.end() ? nullptr : found->second;
}

void SetKept(const PartPtr& part, bool kept) { AsStored(*part).directory().SetKept(kept); }
void TakeAway(const PartPtr& part) { AsStored(*part).directory().TakeAway(); }

}  // namespace

uint64_t PartSet::live_rows() const {
  uint64_t rows = 0;
  for (const VisiblePart& visible : parts) rows += visible.live_rows();
  return rows;
}

uint64_t PartSet::stored_bytes() const {
  uint64_t bytes = 0;
  for (const VisiblePart& visible : parts) bytes += visible.part->stored_bytes();
  return bytes;
}

const VisiblePart* PartSet::Find(const PartPtr& part) const {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const VisiblePart& visible) { return visible.part == part; });
  return found == parts.end() ? nullptr : &*found;
}

const DeclaredIndex* PartSet::FindIndex(std::string_view name) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const DeclaredIndex& index) {
    return index.declaration.name == name;
  });
  return found == indexes.end() ? nullptr : &*found;
}

class TableStore::Impl {
 public:
  Impl(TableStoreOptions options, RecoveredTable recovered)
      : options_(std::move(options)),
        directory_(std::move(recovered.directory)),
        log_(options_.files, JoinPath(options_.directory, kCommitLogFile), options_.owner,
             recovered.log),
        state_(recovered.state),
        next_block_(state_.next_block) {
    auto set = std::make_shared<PartSet>();
    TakeDefinition(recovered.state, *set);
    TakeParts(recovered, *set);
    set_ = std::move(set);
  }

  // Makes the log say what was recovered, where it does not yet.
  void FinishRecovery(const RecoveredTable& recovered, const TaskContext& context) {
    if (!options_.read_only && recovered.must_fold) {
      log_.Replace(EncodeTableChange(state_.AsChange()));
    }
    DeleteRubbish(recovered, options_.read_only, context);
    if (!options_.read_only && !recovered.log.is_end_known) log_.NoteDurablePoint();
    if (!options_.read_only && recovered.log.version < kLogFormatVersion) {
      WriteDefinitionCopy(*options_.files, options_.directory, state_.definition);
    }
  }

  PartSetPtr parts() const {
    const std::lock_guard lock(set_mutex_);
    return set_;
  }

  void Refresh(std::shared_ptr<const ReaderLease> lease, const TaskContext& context) {
    const std::lock_guard lock(commit_mutex_);
    const PartSetPtr current = parts();
    std::vector<std::shared_ptr<const StoredPart>> known;
    for (const VisiblePart& visible : current->parts) {
      known.push_back(std::static_pointer_cast<const StoredPart>(visible.part));
    }
    const RecoveredTable recovered = RecoverTable(options_, context, known);
    DeleteRubbish(recovered, options_.read_only, context);
    auto next = std::make_shared<PartSet>();
    next->schema = current->schema;
    next->indexes = current->indexes;
    next->version = current->version + 1;
    if (recovered.state.definition != state_.definition ||
        recovered.state.dimensions != state_.dimensions) {
      TakeDefinition(recovered.state, *next);
    }
    TakeParts(recovered, *next);
    state_ = recovered.state;
    HoldParts(*next, lease);
    SetParts(std::move(next));
  }

  void Hold(const std::shared_ptr<const ReaderLease>& lease) { HoldParts(*parts(), lease); }

  const std::string& directory() const { return options_.directory; }

  void SetListener(std::function<void()> listener) { listener_ = std::move(listener); }

  void Insert(const BlockSource& next_block, InsertOptions options, const TaskContext& context) {
    CheckWritable();
    const PartSetPtr base = parts();
    TableDefinition table{base->schema, base->indexes};
    InferredDimensions inferred;
    std::vector<PartPtr> added;
    while (std::optional<Block> block = next_block()) {
      if (block->rows() == 0) continue;
      const InferredDimensions news = InferFromBlock(table.indexes, *block, options.first_row);
      if (!news.empty()) {
        inferred.insert(news.begin(), news.end());
        table = WithDimensions(*base, inferred);
      }
      std::vector<PartPtr> parts_of_block = WriteInsertedParts(
          directory_, table, *block, options, [&] { return next_block_.fetch_add(1); }, context);
      added.insert(added.end(), parts_of_block.begin(), parts_of_block.end());
      options.first_row += block->rows();
    }
    if (added.empty()) return;
    {
      const std::lock_guard lock(commit_mutex_);
      CheckWritable();
      Commit({.added = std::move(added), .table = MergeDimensions(inferred)});
    }
    Notify();
  }

  std::unique_ptr<PartWriter> NewMergeWriter(const PartSetPtr& base,
                                             std::span<const PartPtr> inputs,
                                             const MergeWriterOptions& options,
                                             const TaskContext& context) {
    CheckWritable();
    const InferredDimensions inferred = InferFromParts(*base, inputs, options.indexes, context);
    TableDefinition table{base->schema, base->indexes};
    if (!inferred.empty()) table = WithDimensions(*base, inferred);
    PartWriterOptions writer;
    writer.name = ReserveName(inputs, inferred);
    writer.partition = inputs.front()->partition();
    writer.schema = table.schema;
    writer.index_rows = options.index_rows;
    for (const DeclaredIndex& index : table.indexes) {
      const auto& names = options.indexes;
      const bool is_wanted =
          std::find(names.begin(), names.end(), index.declaration.name) != names.end();
      const VectorSearchAbility* search = index.index->vector_search();
      const bool can_be_built = search == nullptr || search->dimensions.has_value();
      if (is_wanted && can_be_built) writer.indexes.push_back(index);
    }
    return std::make_unique<PartWriter>(directory_, std::move(writer), context);
  }

  bool CommitMerge(const PartSetPtr& base, std::span<const MergeOutput> outputs) {
    {
      const std::lock_guard lock(commit_mutex_);
      CheckWritable();
      const PartSetPtr current = parts();
      if (current->schema != base->schema) return false;
      Change change;
      for (const MergeOutput& output : outputs) {
        if (!ContainsAll(*current, output.inputs)) return false;
        change.removed.insert(change.removed.end(), output.inputs.begin(), output.inputs.end());
        if (output.part == nullptr) continue;
        change.added.push_back(output.part);
        if (DeadRowsPtr dead = CarryDeadRows(*base, *current, output)) {
          change.dead[output.part->name_text()] = std::move(dead);
        }
      }
      change.table = MergeDimensions(ReservedDimensions(change.added));
      const std::vector<PartPtr> added = change.added;
      Commit(std::move(change));
      for (const PartPtr& part : added) reservations_.erase(part->name_text());
    }
    Notify();
    return true;
  }

  bool CommitDeletes(std::span<const PartDelete> deletes) {
    {
      const std::lock_guard lock(commit_mutex_);
      CheckWritable();
      const PartSetPtr current = parts();
      Change change;
      for (const PartDelete& deleted : deletes) {
        const VisiblePart* visible = current->Find(deleted.part);
        if (visible == nullptr) return false;
        RowBitmap rows = deleted.rows;
        if (visible->dead != nullptr) rows.AndNot(visible->dead->rows());
        auto dead = std::make_shared<DeadRows>(std::move(rows));
        if (dead->count() > 0) change.dead[deleted.part->name_text()] = std::move(dead);
      }
      if (change.dead.empty()) return true;
      Commit(std::move(change));
    }
    Notify();
    return true;
  }

  bool CommitSchema(const PartSetPtr& base, const std::string& definition) {
    {
      const std::lock_guard lock(commit_mutex_);
      CheckWritable();
      const PartSetPtr current = parts();
      if (current->schema != base->schema) return false;
      const SchemaPtr schema = options_.compile_schema(definition);
      InferredDimensions dimensions = DimensionsOf(*current->schema);
      std::erase_if(dimensions, [&](const auto& entry) {
        const IndexDeclaration* before = current->schema->FindIndex(entry.first);
        const IndexDeclaration* after = schema->FindIndex(entry.first);
        return after == nullptr || after->text != before->text;
      });
      Change change;
      change.table = DeclareTable(schema, dimensions, *options_.registry);
      change.definition = definition;
      Commit(std::move(change));
      CopyDefinition();
    }
    Notify();
    return true;
  }

  void Truncate() {
    {
      const std::lock_guard lock(commit_mutex_);
      CheckWritable();
      Change change;
      for (const VisiblePart& visible : parts()->parts) change.removed.push_back(visible.part);
      if (change.removed.empty()) return;
      Commit(std::move(change));
    }
    Notify();
  }

  bool Detach(const PartPtr& part, const std::string& reason) {
    {
      const std::lock_guard lock(commit_mutex_);
      CheckWritable();
      if (!ContainsAll(*parts(), std::span(&part, 1))) return false;
      const std::string moved = MoveToDetached(*directory_, part->name_text(), reason);
      Change change;
      change.removed.push_back(part);
      try {
        Commit(std::move(change));
      } catch (...) {
        MoveBack(*directory_, part->name_text(), moved);
        throw;
      }
      SetKept(part, true);
    }
    Notify();
    return true;
  }

  void Drop() {
    const std::lock_guard lock(commit_mutex_);
    if (options_.read_only) CheckWritable();
    is_dropped_.store(true);
    const PartSetPtr current = parts();
    for (const VisiblePart& visible : current->parts) TakeAway(visible.part);
    directory_->RemoveWhenUnused();
    try {
      auto empty = std::make_shared<PartSet>(*current);
      empty->parts.clear();
      ++empty->version;
      SetParts(std::move(empty));
    } catch (const std::bad_alloc&) {  // the files go with the table instead of now
    }
  }

 private:
  void TakeDefinition(const TableState& state, PartSet& set) const {
    TableDefinition table = DeclareTable(options_.compile_schema(state.definition),
                                         state.dimensions, *options_.registry);
    set.schema = std::move(table.schema);
    set.indexes = std::move(table.indexes);
  }

  static void TakeParts(const RecoveredTable& recovered, PartSet& set) {
    for (const auto& part : recovered.parts) {
      set.parts.push_back({part, MaskOf(recovered.state, *part)});
    }
    std::sort(set.parts.begin(), set.parts.end(), InOrder);
  }

  static void HoldParts(const PartSet& set, const std::shared_ptr<const ReaderLease>& lease) {
    for (const VisiblePart& visible : set.parts) AsStored(*visible.part).directory().Hold(lease);
  }

  // A statement to be committed, as objects.
  struct Change {
    std::vector<PartPtr> added;
    std::vector<PartPtr> removed;
    DeadRowsByPart dead;                    // rows that die
    std::optional<TableDefinition> table;   // if the schema object changes
    std::optional<std::string> definition;  // if its text changes
  };

  void CheckWritable() const {
    if (options_.read_only) {
      throw Error(ErrorCode::kTableIsReadOnly,
                  fmt::format("The database is open read-only, nothing in {} can be changed",
                              options_.directory));
    }
    if (is_dropped_.load()) {
      throw Error(ErrorCode::kUnknownTable, "The table has been dropped");
    }
  }

  static bool ContainsAll(const PartSet& set, std::span<const PartPtr> wanted) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const PartPtr& part) { return set.Find(part) != nullptr; });
  }

  // The rows of a merge's output that died in its inputs while it ran; null if none did.
  static DeadRowsPtr CarryDeadRows(const PartSet& base, const PartSet& current,
                                   const MergeOutput& output) {
    std::vector<DeadRowsPtr> dead;
    bool is_changed = false;
    for (const PartPtr& input : output.inputs) {
      const VisiblePart* before = base.Find(input);
      dead.push_back(current.Find(input)->dead);
      is_changed |= before == nullptr || before->dead != dead.back();
    }
    if (!is_changed) return nullptr;
    const MergeRowMap& rows = output.rows;
    // Guards published data: without a whole map the deletes would be lost.
    if (rows.inputs() != output.inputs.size() || rows.output_rows() != output.part->rows()) {
      throw Error(ErrorCode::kLogicalError,
                  fmt::format("Rows were deleted while part {} was written, and it is not known "
                              "where they are in it; the part is discarded",
                              output.part->name_text()));
    }
    auto carried = std::make_shared<DeadRows>(rows.Carry(dead));
    return carried->count() == 0 ? nullptr : carried;
  }

  TableDefinition WithDimensions(const PartSet& set, const InferredDimensions& inferred) const {
    InferredDimensions dimensions = DimensionsOf(*set.schema);
    dimensions.insert(inferred.begin(), inferred.end());
    return DeclareTable(set.schema, dimensions, *options_.registry);
  }

  // The definition once `inferred` is known, if that is news; another statement may have fixed the
  // dimensions, or dropped the index, since this one began. Expects commit_mutex_.
  std::optional<TableDefinition> MergeDimensions(const InferredDimensions& inferred) const {
    const PartSetPtr current = parts();
    InferredDimensions news;
    for (const auto& [name, dimensions] : inferred) {
      const DeclaredIndex* index = current->FindIndex(name);
      if (index == nullptr || index->index->vector_search() == nullptr) continue;
      const std::optional<size_t> fixed = index->index->vector_search()->dimensions;
      if (!fixed) news[name] = dimensions;
      if (!fixed || *fixed == dimensions) continue;
      throw Error(
          ErrorCode::kIncorrectData,
          fmt::format("The vectors have {} dimensions, but index {} has meanwhile been fixed "
                      "to {}",
                      dimensions, name, *fixed));
    }
    if (news.empty()) return std::nullopt;
    return WithDimensions(*current, news);
  }

  // From the first live row, or the first that has a vector.
  InferredDimensions InferFromParts(const PartSet& set, std::span<const PartPtr> inputs,
                                    const std::vector<std::string>& wanted,
                                    const TaskContext& context) const {
    std::vector<DeclaredIndex> indexes;
    for (const DeclaredIndex& index : set.indexes) {
      const auto& name = index.declaration.name;
      if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) indexes.push_back(index);
    }
    return InferMissing(indexes, [&](const VectorSearchAbility& search) -> std::optional<size_t> {
      for (const PartPtr& input : inputs) {
        const VisiblePart* visible = set.Find(input);
        if (visible == nullptr || visible->live_rows() == 0) continue;
        const size_t length = FirstLength(*visible, search, context);
        if (length > 0) return length;
        if (!search.allows_empty) return std::nullopt;
      }
      return std::nullopt;
    });
  }

  // Of the first live row or, where rows may be empty, of the first that is not; 0 if that is none.
  static size_t FirstLength(const VisiblePart& visible, const VectorSearchAbility& search,
                            const TaskContext& context) {
    const Part& part = *visible.part;
    PartReader reader(visible.part, {search.column}, context);
    for (size_t granule = 0; granule < part.granule_count(); ++granule) {
      context.CheckCancelled();
      const Block rows = reader.Read({granule, granule + 1});
      const ArrayColumn& vectors = AsArrays(*rows.column(0));
      for (size_t row = 0; row < vectors.size(); ++row) {
        const uint64_t of_part = part.FirstRow(granule) + row;
        if (visible.dead != nullptr && visible.dead->rows().Test(of_part)) continue;
        if (vectors.Length(row) > 0 || !search.allows_empty) return vectors.Length(row);
      }
    }
    return 0;
  }

  // A name that is not in use: abandoned attempts keep their reservation, committed parts (a merge
  // of parts that are gone would be named like them) and what could not be deleted their directory.
  PartName ReserveName(std::span<const PartPtr> inputs, const InferredDimensions& inferred) {
    PartName name = inputs.front()->name();
    name.version = 0;
    for (const PartPtr& input : inputs) {
      name.min_block = std::min(name.min_block, input->name().min_block);
      name.max_block = std::max(name.max_block, input->name().max_block);
      name.level = std::max(name.level, input->name().level);
    }
    ++name.level;
    const std::lock_guard lock(commit_mutex_);
    while (options_.files->Exists(JoinPath(options_.directory, name.text())) ||
           !reservations_.emplace(name.text(), inferred).second) {
      ++name.version;
    }
    return name;
  }

  InferredDimensions ReservedDimensions(std::span<const PartPtr> added) const {
    InferredDimensions dimensions;
    for (const PartPtr& part : added) {
      const auto found = reservations_.find(part->name_text());
      if (found == reservations_.end()) continue;
      dimensions.insert(found->second.begin(), found->second.end());
    }
    return dimensions;
  }

  // Expects commit_mutex_. Either everything happens, or this throws and nothing has.
  void Commit(Change change) {
    const PartSetPtr current = parts();
    auto next = std::make_shared<PartSet>(*current);
    std::erase_if(next->parts, [&](const VisiblePart& visible) {
      return std::find(change.removed.begin(), change.removed.end(), visible.part) !=
             change.removed.end();
    });
    for (const PartPtr& part : change.added) next->parts.push_back({part});
    std::sort(next->parts.begin(), next->parts.end(), InOrder);
    ++next->version;
    if (change.table) {
      next->schema = change.table->schema;
      next->indexes = change.table->indexes;
    }
    WriteRecord(Describe(change), change, next->schema->settings.fsync);
    for (VisiblePart& visible : next->parts) visible.dead = MaskOf(state_, *visible.part);
    for (const PartPtr& part : change.added) SetKept(part, true);
    for (const PartPtr& part : change.removed) TakeAway(part);
    SetParts(std::move(next));
  }

  TableChange Describe(const Change& change) const {
    TableChange record;
    for (const PartPtr& part : change.added) record.added.push_back(part->name());
    for (const PartPtr& part : change.removed) record.removed.push_back(part->name());
    record.definition = change.definition;
    if (change.table) record.dimensions = DimensionsOf(*change.table->schema);
    record.next_block = next_block_.load();
    record.dead = change.dead;
    return record;
  }

  void WriteRecord(const TableChange& record, const Change& change, FsyncPolicy fsync) {
    if (fsync != FsyncPolicy::kOff && !change.added.empty()) {
      directory_->files().SyncDirectory(directory_->path());
    }
    TableState next = state_;
    next.Apply(record, "the new record");
    CommitLog::Change entry;
    entry.record = EncodeTableChange(record);
    entry.before = [this] { return EncodeTableChange(state_.AsChange()); };
    entry.after = [&next] { return EncodeTableChange(next.AsChange()); };
    // Files of removed parts may go at once, so their removal must be durable first.
    entry.sync =
        fsync == FsyncPolicy::kFull || (fsync == FsyncPolicy::kNormal && !change.removed.empty());
    try {
      log_.Commit(entry, std::max(kRecordsToFold, next.parts.size()),
                  std::max(kBytesToFold, kBytesPerLiveByte * next.EstimateBytes()));
    } catch (...) {
      if (log_.is_in_doubt()) KeepDoubtful(change.added);
      throw;
    }
    for (const PartPtr& part : doubtful_) TakeAway(part);
    doubtful_.clear();
    state_ = std::move(next);
  }

  // Their record may be in the log: until it has been cut back, the next open may need them.
  void KeepDoubtful(const std::vector<PartPtr>& parts) {
    for (const PartPtr& part : parts) SetKept(part, true);
    doubtful_.insert(doubtful_.end(), parts.begin(), parts.end());
  }

  // For RestoreTable, which takes an old copy if need be.
  void CopyDefinition() {
    try {
      WriteDefinitionCopy(*options_.files, options_.directory, state_.definition);
    } catch (const std::exception&) {
    }
  }

  void SetParts(PartSetPtr set) {
    const std::lock_guard lock(set_mutex_);
    std::swap(set_, set);
  }

  void Notify() const {
    if (listener_) listener_();
  }

  const TableStoreOptions options_;
  const std::shared_ptr<TableDirectory> directory_;
  std::function<void()> listener_;
  std::atomic<bool> is_dropped_{false};

  std::mutex commit_mutex_;  // guards what follows, to next_block_; taken before set_mutex_
  CommitLog log_;
  TableState state_;
  std::vector<PartPtr> doubtful_;  // of failed statements whose records may be in the log
  std::map<std::string, InferredDimensions> reservations_;  // by part name
  std::atomic<uint64_t> next_block_;

  mutable std::mutex set_mutex_;  // guards set_
  PartSetPtr set_;
};

TableStore::TableStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableStore::~TableStore() = default;

void TableStore::Create(const TableStoreOptions& options, const std::string& definition) {
  DeclareTable(options.compile_schema(definition), {}, *options.registry);
  TableState state;
  state.definition = definition;
  options.files->CreateDirectory(options.directory);
  WriteDefinitionCopy(*options.files, options.directory, definition);
  CommitLog::Create(*options.files, JoinPath(options.directory, kCommitLogFile), options.owner,
                    EncodeTableChange(state.AsChange()));
  options.files->SyncDirectory(ParentDirectory(options.directory));
}

std::unique_ptr<TableStore> TableStore::Open(TableStoreOptions options, const TaskContext& context,
                                             std::shared_ptr<const ReaderLease> lease) {
  RecoveredTable recovered = RecoverTable(options, context);
  auto impl = std::make_unique<Impl>(std::move(options), recovered);
  impl->Hold(lease);
  impl->FinishRecovery(recovered, context);
  for (const auto& part : recovered.parts) part->WarnOfLostIndexes(context);
  return std::unique_ptr<TableStore>(new TableStore(std::move(impl)));
}

PartSetPtr TableStore::parts() const { return impl_->parts(); }
const std::string& TableStore::directory() const { return impl_->directory(); }
void TableStore::Refresh(std::shared_ptr<const ReaderLease> lease, const TaskContext& context) {
  impl_->Refresh(std::move(lease), context);
}
void TableStore::Hold(const std::shared_ptr<const ReaderLease>& lease) { impl_->Hold(lease); }
void TableStore::SetListener(std::function<void()> listener) {
  impl_->SetListener(std::move(listener));
}
void TableStore::Insert(const Block& block, const InsertOptions& options,
                        const TaskContext& context) {
  bool is_taken = false;
  const auto only_block = [&]() -> std::optional<Block> {
    if (std::exchange(is_taken, true)) return std::nullopt;
    return block;
  };
  impl_->Insert(only_block, options, context);
}
void TableStore::Insert(const BlockSource& next_block, const InsertOptions& options,
                        const TaskContext& context) {
  impl_->Insert(next_block, options, context);
}
std::unique_ptr<PartWriter> TableStore::NewMergeWriter(const PartSetPtr& base,
                                                       std::span<const PartPtr> inputs,
                                                       const MergeWriterOptions& options,
                                                       const TaskContext& context) {
  return impl_->NewMergeWriter(base, inputs, options, context);
}
bool TableStore::CommitMerge(const PartSetPtr& base, std::span<const MergeOutput> outputs) {
  return impl_->CommitMerge(base, outputs);
}
bool TableStore::CommitDeletes(std::span<const PartDelete> deletes) {
  return impl_->CommitDeletes(deletes);
}
bool TableStore::CommitSchema(const PartSetPtr& base, const std::string& definition) {
  return impl_->CommitSchema(base, definition);
}
void TableStore::Truncate() { impl_->Truncate(); }
bool TableStore::Detach(const PartPtr& part, const std::string& reason) {
  return impl_->Detach(part, reason);
}
void TableStore::Drop() { impl_->Drop(); }

}  // namespace granary
