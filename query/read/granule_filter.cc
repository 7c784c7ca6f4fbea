#include "granary/query/read/granule_filter.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/container/small_vector.hpp>

namespace granary {
namespace {

std::vector<std::string> SplitNames(const std::string& list) {
  std::vector<std::string> names;
  std::string name;
  for (const char c : list + ",") {
    if (c == ',') {
      if (!name.empty()) names.push_back(std::exchange(name, {}));
    } else if (c != ' ' && c != '\'' && c != '`') {
      name += c;
    }
  }
  return names;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Appends a range, joined with the last one where they touch.
void AppendRange(std::vector<GranuleRange>& ranges, GranuleRange range) {
  if (range.size() == 0) return;
  if (!ranges.empty() && ranges.back().end == range.begin) {
    ranges.back().end = range.end;
  } else {
    ranges.push_back(range);
  }
}

// Granules whose primary key values may satisfy the predicate. A run of granules is judged as one:
// dropped, kept, or cut in two.
class KeyRangeFinder {
 public:
  KeyRangeFinder(const Part& part, const std::vector<std::string>& key, const Predicate& predicate)
      : part_(part), key_(key), predicate_(predicate), values_(part.PrimaryKey()) {}

  std::vector<GranuleRange> Find(const std::vector<GranuleRange>& ranges) {
    for (const GranuleRange& range : ranges) Descend(range);
    return std::move(found_);
  }

 private:
  void Descend(GranuleRange range) {
    const Verdict verdict = Judge(range);
    if (!verdict.can_be_true) return;
    if (!verdict.can_be_false || range.size() == 1) {
      AppendRange(found_, range);
      return;
    }
    const size_t middle = range.begin + range.size() / 2;
    Descend({range.begin, middle});
    Descend({middle, range.end});
  }

  // The rows of granules [begin, end) have keys between value begin and value end, in
  // lexicographic order: the first key column lies between its two values, and each following one
  // as long as those before it do not change.
  Verdict Judge(GranuleRange range) const {
    std::vector<ValueRange> bounds(key_.size());
    for (size_t column = 0; column < key_.size(); ++column) {
      const Column& values = *values_[column];
      bounds[column] = {values.ValueAt(range.begin), values.ValueAt(range.end)};
      if (values.Compare(range.begin, values, range.end) != 0) break;
    }
    return predicate_.Judge([&](const PredicateAtom& atom) {
      const auto found = std::find(key_.begin(), key_.end(), atom.expression);
      if (found == key_.end()) return Verdict{};
      return JudgeRange(atom, bounds[static_cast<size_t>(found - key_.begin())]);
    });
  }

  const Part& part_;
  const std::vector<std::string>& key_;
  const Predicate& predicate_;
  const std::vector<ColumnPtr>& values_;
  std::vector<GranuleRange> found_;
};

// Narrows a selection stage by stage and writes down what each stage did.
class GranulePruner {
 public:
  GranulePruner(const PartSet& parts, const Predicate& predicate, const TaskContext& context)
      : parts_(parts), predicate_(predicate), context_(context), selection_(AllGranules(parts)) {}

  void PruneByPartition() {
    std::vector<std::string> key;
    for (const ExpressionPtr& part_of_key : parts_.schema->partition_key) {
      key.push_back(part_of_key->text());
    }
    if (key.empty()) return;
    const auto judge_part = [&](const Part& part) {
      return predicate_.Judge([&](const PredicateAtom& atom) {
        for (size_t i = 0; i < key.size(); ++i) {
          const Value& value = part.partition()[i];
          if (key[i] == atom.expression) return JudgeRange(atom, {value, value});
        }
        for (const Part::ColumnRange& column : part.column_ranges()) {
          if (column.column == atom.expression) return JudgeRange(atom, column.range);
        }
        return Verdict{};
      });
    };
    RunStage({.type = "Partition", .condition = Condition(key)}, [&](SelectedPart& selected) {
      if (!judge_part(*selected.part).can_be_true) selected.ranges.clear();
    });
  }

  void PruneByPrimaryKey() {
    const std::vector<ExpressionPtr>& primary_key = parts_.schema->primary_key;
    const bool is_useful = std::any_of(
        primary_key.begin(), primary_key.end(),
        [&](const ExpressionPtr& part_of_key) { return predicate_.Mentions(part_of_key->text()); });
    if (!is_useful) {
      return RunStage({.type = "PrimaryKey", .condition = "true"}, [](SelectedPart&) {});
    }
    std::vector<std::string> key;
    for (const ExpressionPtr& part_of_key : primary_key) key.push_back(part_of_key->text());
    RunStage({.type = "PrimaryKey", .condition = Condition(key)}, [&](SelectedPart& selected) {
      selected.ranges = KeyRangeFinder(*selected.part, key, predicate_).Find(selected.ranges);
    });
  }

  void PruneByIndex(const DeclaredIndex& index) {
    RunStage({.type = "Skip",
              .name = index.declaration.name,
              .description = index.declaration.kind + " GRANULARITY " +
                             std::to_string(index.declaration.granularity)},
             [&](SelectedPart& selected) { PruneByIndex(index, selected); });
    selection_.stages.back().damaged_parts = std::exchange(damaged_parts_, 0);
  }

  GranuleSelection Take() { return std::move(selection_); }

 private:
  template <class Prune>
  void RunStage(PruningStage stage, Prune&& prune) {
    stage.parts_before = selection_.parts.size();
    stage.granules_before = selection_.granules();
    for (SelectedPart& selected : selection_.parts) {
      context_.CheckCancelled();
      prune(selected);
    }
    std::erase_if(selection_.parts, [](const SelectedPart& part) { return part.ranges.empty(); });
    stage.parts_after = selection_.parts.size();
    stage.granules_after = selection_.granules();
    selection_.stages.push_back(std::move(stage));
  }

  void PruneByIndex(const DeclaredIndex& index, SelectedPart& selected) {
    const PartIndex* stored = selected.part->FindIndex(index);
    if (stored == nullptr) return;
    std::vector<GranuleRange> kept;
    for (size_t block = 0; block < stored->blocks.size(); ++block) {
      const GranuleRange& granules = stored->blocks[block].granules;
      const std::vector<GranuleRange> overlap = Intersect(selected.ranges, granules);
      if (overlap.empty() || !MayMatch(index, *selected.part, block)) continue;
      for (const GranuleRange& range : overlap) AppendRange(kept, range);
    }
    selected.ranges = std::move(kept);
    damaged_parts_ += selected.part->IsIndexDamaged(index);
  }

  bool MayMatch(const DeclaredIndex& index, const Part& part, size_t block) const {
    const auto sub_index = part.OpenSubIndex(index, block, context_);
    if (sub_index == nullptr || sub_index->pruner() == nullptr) return true;
    return sub_index->pruner()->MayMatch(predicate_);
  }

  static std::vector<GranuleRange> Intersect(const std::vector<GranuleRange>& ranges,
                                             const GranuleRange& with) {
    std::vector<GranuleRange> result;
    for (const GranuleRange& range : ranges) {
      const size_t begin = std::max(range.begin, with.begin);
      const size_t end = std::min(range.end, with.end);
      if (begin < end) result.push_back({begin, end});
    }
    return result;
  }

  static std::string Condition(const std::vector<std::string>& key) {
    std::string text;
    for (const std::string& part_of_key : key) text += (text.empty() ? "" : ", ") + part_of_key;
    return text;
  }

  const PartSet& parts_;
  const Predicate& predicate_;
  const TaskContext& context_;
  GranuleSelection selection_;
  size_t damaged_parts_ = 0;  // of the stage that runs
};

using IndexNames = boost::container::small_vector<std::string_view, 8>;

void CheckForcedIndexes(const QuerySettings& settings, const IndexNames& used) {
  for (const std::string& name : SplitNames(settings.force_data_skipping_indices)) {
    if (std::find(used.begin(), used.end(), name) != used.end()) continue;
    throw Error(ErrorCode::kIndexNotUsed,
                "Index '" + name +
                    "' is forced by force_data_skipping_indices but cannot be used "
                    "by this query; EXPLAIN indexes = 1 says why");
  }
}

}  // namespace

size_t SelectedPart::granules() const {
  size_t count = 0;
  for (const GranuleRange& range : ranges) count += range.size();
  return count;
}

size_t SelectedPart::rows() const {
  size_t count = 0;
  for (const GranuleRange& range : ranges) count += part->RowsIn(range);
  return count;
}

size_t SelectedPart::LiveRowsIn(GranuleRange granules) const {
  const size_t rows = part->RowsIn(granules);
  if (dead == nullptr) return rows;
  return rows - static_cast<size_t>(dead->CountRange(part->FirstRow(granules.begin), rows));
}

Block SelectedPart::FilterLive(const Block& block, GranuleRange granules, size_t live) const {
  if (live == block.rows()) return block;
  return block.Filter(dead->LiveMask(part->FirstRow(granules.begin), block.rows()), live);
}

std::vector<uint8_t> SelectedPart::SpreadMask(std::vector<uint8_t> mask,
                                              GranuleRange granules) const {
  const size_t rows = part->RowsIn(granules);
  if (mask.size() == rows) return mask;
  std::vector<uint8_t> spread = dead->LiveMask(part->FirstRow(granules.begin), rows);
  size_t live = 0;
  for (uint8_t& row : spread) {
    if (row != 0) row = mask[live++];
  }
  return spread;
}

size_t GranuleSelection::granules() const {
  size_t count = 0;
  for (const SelectedPart& part : parts) count += part.granules();
  return count;
}

size_t GranuleSelection::rows() const {
  size_t count = 0;
  for (const SelectedPart& part : parts) count += part.rows();
  return count;
}

size_t GranuleSelection::range_count() const {
  size_t count = 0;
  for (const SelectedPart& part : parts) count += part.ranges.size();
  return count;
}

GranuleSelection AllGranules(const PartSet& parts) {
  GranuleSelection selection;
  selection.parts.reserve(parts.parts.size());
  for (const VisiblePart& visible : parts.parts) {
    if (visible.live_rows() == 0) continue;
    selection.parts.push_back({visible.part, {visible.part->all_granules()}, visible.dead});
  }
  return selection;
}

bool IsIndexAllowed(const std::string& name, const QuerySettings& settings) {
  return settings.use_skip_indexes &&
         !Contains(SplitNames(settings.ignore_data_skipping_indices), name);
}

GranuleSelection SelectGranules(const PartSet& parts, const Predicate& predicate,
                                const QuerySettings& settings,
                                std::span<const std::string> other_indexes_used,
                                const TaskContext& context) {
  GranulePruner pruner(parts, predicate, context);
  pruner.PruneByPartition();
  pruner.PruneByPrimaryKey();
  IndexNames used(other_indexes_used.begin(), other_indexes_used.end());
  for (const DeclaredIndex& index : parts.indexes) {
    const std::string& name = index.declaration.name;
    if (!index.index->CanPrune(predicate) || !IsIndexAllowed(name, settings)) continue;
    pruner.PruneByIndex(index);
    used.push_back(name);
  }
  CheckForcedIndexes(settings, used);
  return pruner.Take();
}

std::vector<std::string> DescribeStages(const GranuleSelection& selection) {
  std::vector<std::string> lines;
  for (const PruningStage& stage : selection.stages) {
    lines.push_back("  " + stage.type);
    if (!stage.name.empty()) lines.push_back("    Name: " + stage.name);
    if (!stage.description.empty()) lines.push_back("    Description: " + stage.description);
    if (!stage.condition.empty()) lines.push_back("    Condition: " + stage.condition);
    lines.push_back("    Parts: " + std::to_string(stage.parts_after) + "/" +
                    std::to_string(stage.parts_before));
    lines.push_back("    Granules: " + std::to_string(stage.granules_after) + "/" +
                    std::to_string(stage.granules_before));
    if (stage.damaged_parts > 0) {
      lines.push_back("    Damaged in: " + std::to_string(stage.damaged_parts) + " parts");
    }
  }
  lines.push_back("  Ranges: " + std::to_string(selection.range_count()));
  return lines;
}

}  // namespace granary
