#include "granary/merge/mutation_task.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "granary/merge/merge_task.h"

namespace granary {
namespace {

const DeclaredIndex& FindDeclared(const PartSet& base, std::string_view index_name) {
  const DeclaredIndex* index = base.FindIndex(index_name);
  if (index != nullptr) return *index;
  throw Error(ErrorCode::kUnknownIdentifier,
              "Table " + base.schema->table_name + " has no index " + std::string(index_name));
}

// The indexes that the part has now, with or without the one in question.
MergeWriterOptions IndexesAfter(const PartSet& base, const Part& part, const DeclaredIndex& mutated,
                                IndexMutation mutation) {
  MergeWriterOptions options;
  for (const DeclaredIndex& index : base.indexes) {
    const bool is_mutated = index.declaration.name == mutated.declaration.name;
    const bool wanted =
        is_mutated ? mutation == IndexMutation::kMaterialize : part.FindIndex(index) != nullptr;
    if (wanted) options.indexes.push_back(index.declaration.name);
  }
  options.index_rows =
      mutation == IndexMutation::kMaterialize ? IndexRowCheck::kFail : IndexRowCheck::kSkipIndex;
  return options;
}

MergeWriterOptions IndexesOf(const PartSet& base, const Part& part) {
  MergeWriterOptions options;
  for (const DeclaredIndex& index : base.indexes) {
    if (part.FindIndex(index) != nullptr) options.indexes.push_back(index.declaration.name);
  }
  options.index_rows = IndexRowCheck::kFail;
  return options;
}

// Rewrites parts[i] with options[i], all in one commit.
bool Rewrite(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> parts,
             const std::vector<MergeWriterOptions>& options, const RowTransform* transform,
             const TaskContext& context) {
  for (size_t i = 0; i < parts.size(); ++i) {
    context.progress().rows_total += MergeWorkRows(*base, {&parts[i], 1}, options[i]);
  }
  std::vector<MergeOutput> rewritten;
  for (size_t i = 0; i < parts.size(); ++i) {
    rewritten.push_back(
        WriteMergedPart(store, base, {&parts[i], 1}, options[i], context, transform));
  }
  context.CheckCancelled();
  return store.CommitMerge(base, rewritten);
}

bool NeedsMutation(const Part& part, const DeclaredIndex& index, IndexMutation mutation) {
  if (mutation == IndexMutation::kMaterialize) return part.LacksIndex(index);
  return std::any_of(part.indexes().begin(), part.indexes().end(), [&](const PartIndex& present) {
    return present.name == index.declaration.name;
  });
}

}  // namespace

std::vector<PartPtr> PartsToMutate(const PartSet& base, std::string_view index_name,
                                   IndexMutation mutation) {
  const DeclaredIndex& index = FindDeclared(base, index_name);
  std::vector<PartPtr> parts;
  for (const VisiblePart& visible : base.parts) {
    if (NeedsMutation(*visible.part, index, mutation)) parts.push_back(visible.part);
  }
  return parts;
}

bool MutateIndex(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> parts,
                 std::string_view index_name, IndexMutation mutation, const TaskContext& context) {
  const DeclaredIndex& index = FindDeclared(*base, index_name);
  std::vector<MergeWriterOptions> options;
  for (const PartPtr& part : parts) {
    options.push_back(IndexesAfter(*base, *part, index, mutation));
  }
  return Rewrite(store, base, parts, options, nullptr, context);
}

bool MutateRows(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> parts,
                const RowMutation& mutation, const TaskContext& context) {
  std::vector<MergeWriterOptions> options;
  for (const PartPtr& part : parts) options.push_back(IndexesOf(*base, *part));
  return Rewrite(store, base, parts, options, &mutation, context);
}

}  // namespace granary
