#include "granary/merge/table_merges.h"

#include <algorithm>
#include <utility>

namespace granary {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kFirstRest{1};
constexpr seconds kLongestRest{300};

MergePolicy PolicyOf(const TableSettings& settings, uint64_t bytes_max) {
  MergePolicy policy;
  policy.max_parts_at_once = std::max<uint64_t>(settings.max_parts_to_merge_at_once, 2);
  policy.max_bytes = std::min(settings.max_bytes_to_merge, bytes_max);
  policy.delay_parts = settings.parts_to_delay_insert;
  policy.dead_share_max = settings.max_dead_rows_share;
  return policy;
}

seconds AgeOf(const Part& part, const Clock& clock) {
  const auto age = std::chrono::duration_cast<seconds>(clock.Now() - part.created());
  return std::max(age, seconds(0));
}

double DeadShare(const VisiblePart& visible) {
  return static_cast<double>(visible.dead_rows()) / static_cast<double>(visible.part->rows());
}

// One that a rewrite would build again.
bool HasDamagedIndex(const PartSet& set, const Part& part) {
  return set.schema->settings.materialize_skip_indexes_on_merge &&
         std::any_of(set.indexes.begin(), set.indexes.end(),
                     [&](const DeclaredIndex& index) { return part.IsIndexDamaged(index); });
}

bool Contains(const MergeJob& job, const Part& part) {
  return std::any_of(job.inputs.begin(), job.inputs.end(),
                     [&](const PartPtr& input) { return input->name() == part.name(); });
}

bool Covers(const PartitionClaim& claim, const std::string& partition_id) {
  return !claim.partition_id || *claim.partition_id == partition_id;
}

bool Overlap(const PartitionClaim& a, const PartitionClaim& b) {
  return !a.partition_id || Covers(b, *a.partition_id);
}

}  // namespace

std::optional<NextMerge> TableMerges::Select(const Clock& clock, uint64_t bytes_max) const {
  PartSetPtr base = store->parts();
  std::vector<MergeablePart> candidates;
  candidates.reserve(base->parts.size());
  for (const VisiblePart& visible : base->parts) {
    const Part& part = *visible.part;
    const seconds age = waiters > 0 ? seconds::max() : AgeOf(part, clock);
    candidates.push_back({part.name().partition_id, part.name().min_block, part.name().max_block,
                          part.stored_bytes(), age, DeadShare(visible),
                          HasDamagedIndex(*base, part), IsBusy(part, clock)});
  }
  const std::optional<MergeSelection> selection =
      SelectMerge(candidates, PolicyOf(base->schema->settings, bytes_max));
  if (!selection) return std::nullopt;
  NextMerge next{std::move(base), {}};
  for (size_t i = 0; i < selection->count; ++i) {
    next.inputs.push_back(next.base->parts[selection->first + i].part);
  }
  return next;
}

steady_clock::duration TableMerges::UntilNextSelect(const Clock& clock) const {
  steady_clock::duration wait = steady_clock::duration::max();
  const seconds settled_age = MergePolicy().settled_age;
  const PartSetPtr set = store->parts();
  for (const VisiblePart& visible : set->parts) {
    const seconds age = AgeOf(*visible.part, clock);
    if (age < settled_age) wait = std::min<steady_clock::duration>(wait, settled_age - age);
  }
  const steady_clock::time_point now = clock.Monotonic();
  for (const auto& [name, rest] : resting_) {
    if (rest.until > now) wait = std::min(wait, rest.until - now);
  }
  return wait;
}

seconds TableMerges::Rest(const std::vector<PartPtr>& inputs, const Clock& clock) {
  seconds delay = kFirstRest;
  for (const PartPtr& input : inputs) {
    const auto before = resting_.find(input->name_text());
    if (before != resting_.end()) delay = std::max(delay, 2 * before->second.delay);
  }
  delay = std::min(delay, kLongestRest);
  const PartSetPtr set = store->parts();
  std::erase_if(resting_, [&](const auto& entry) {
    return std::none_of(set->parts.begin(), set->parts.end(), [&](const VisiblePart& visible) {
      return visible.part->name_text() == entry.first;
    });
  });
  for (const PartPtr& input : inputs) {
    resting_[input->name_text()] = {clock.Monotonic() + delay, delay};
  }
  return delay;
}

void TableMerges::EndRests() { resting_.clear(); }

bool TableMerges::HasBackgroundJobs() const {
  return std::any_of(jobs.begin(), jobs.end(),
                     [](const MergeJob& job) { return job.is_background; });
}

bool TableMerges::IsHeldUp(const PartitionClaim& claim) const {
  for (const PartitionClaim& earlier : claims) {
    if (&earlier == &claim) break;
    if (Overlap(earlier, claim)) return true;
  }
  return std::any_of(jobs.begin(), jobs.end(), [&](const MergeJob& job) {
    return job.is_background && Covers(claim, job.inputs.front()->name().partition_id);
  });
}

void TableMerges::CancelBackgroundJobs() {
  for (MergeJob& job : jobs) {
    if (job.is_background) job.cancel.Cancel();
  }
}

bool TableMerges::IsBusy(const Part& part, const Clock& clock) const {
  const bool claimed = std::any_of(claims.begin(), claims.end(), [&](const PartitionClaim& claim) {
    return Covers(claim, part.name().partition_id);
  });
  const bool reserved = std::any_of(jobs.begin(), jobs.end(),
                                    [&](const MergeJob& job) { return Contains(job, part); });
  return claimed || reserved || IsResting(part, clock);
}

bool TableMerges::IsResting(const Part& part, const Clock& clock) const {
  const auto found = resting_.find(part.name_text());
  return found != resting_.end() && found->second.until > clock.Monotonic();
}

RunningMerge Describe(const TableMerges& table, const MergeJob& job, const Clock& clock) {
  RunningMerge running;
  running.table = table.store->parts()->schema->table_name;
  PartName result = job.inputs.front()->name();
  for (const PartPtr& input : job.inputs) {
    running.source_parts.push_back(input->name_text());
    running.rows_total += input->rows();
    running.source_bytes += input->stored_bytes();
    result.max_block = input->name().max_block;
    result.level = std::max(result.level, input->name().level);
  }
  running.partition_id = result.partition_id;
  running.is_mutation = job.is_mutation;
  if (!job.is_mutation) {
    ++result.level;
    result.version = 0;
    running.result_part = result.text();
  }
  const uint64_t done = job.progress->rows_done - job.rows_done_before;
  const uint64_t total = job.progress->rows_total - job.rows_total_before;
  running.rows_done = std::min(done, running.rows_total);
  running.progress = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / total);
  running.memory_bytes = job.memory->used();
  running.elapsed_seconds = std::chrono::duration<double>(clock.Monotonic() - job.started).count();
  return running;
}

}  // namespace granary
