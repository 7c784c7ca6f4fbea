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

bool NeedsMutation(const Part& part, const DeclaredIndex& index, IndexMutation mutation) {
  if (mutation == IndexMutation::kMaterialize) return part.FindIndex(index) == nullptr;
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
    context.progress().rows_total += MergeWorkRows(*base, {&part, 1}, options.back());
  }
  std::vector<MergeOutput> rewritten;
  for (size_t i = 0; i < parts.size(); ++i) {
    rewritten.push_back(WriteMergedPart(store, base, {&parts[i], 1}, options[i], context));
  }
  context.CheckCancelled();
  return store.CommitMerge(base, rewritten);
}

}  // namespace granary
