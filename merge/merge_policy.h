// Which parts to merge next: a pure function from part metadata to a decision. No I/O, no locks;
// the clock is passed in as the age of each part. BackgroundMerges asks it whenever the part set of
// a table changes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace granary {

// What the policy knows of a part.
struct MergeablePart {
  std::string partition_id;
  uint64_t min_block = 0;
  uint64_t max_block = 0;
  uint64_t bytes = 0;
  std::chrono::seconds age{0};  // since it was written
  double dead_share = 0;        // of its rows
  bool has_damaged_index = false;
  bool busy = false;  // an input of a running merge or mutation
};

// Size-tiered merging of neighbours.
//
// Every search pays for every part (a graph walk each), every merge pays for every byte it writes
// (and rebuilds the graphs, which costs far more than the copy). The policy trades one against the
// other by one number, the growth ratio r: a range of neighbouring parts may be merged if together
// they are at least r times the largest of them. A row then lives in a part at least r times larger
// after each of its merges, so that it is rewritten at most log_r(table / insert) times, whatever
// the sizes of the inserts; and parts that cannot be merged form tiers that shrink by r, so that
// N equal inserts leave O(r log_r N) parts. Among the ranges allowed the one that removes most
// parts per byte written wins: small parts first, as many at once as allowed.
//
// r is `busy_ratio` while inserts arrive, falls to `settled_ratio` for parts older than
// `settled_age` (a table that is only read deserves few parts), and to nearly 1 as a partition
// nears the number of parts at which inserts are delayed: rewriting more is then better than not
// taking data. With the defaults 1,000 equal inserts, each followed by the merges it allows, are
// written 4.7 times, first write included, with never more than 14 parts, and settle into one part
// at 6.0 writes in all (10,000: 6.7 times, 19 parts, 8.0); merge_policy_test.cc checks the figures.
//
// What lost: *levelled* merging (one part per level, as in LevelDB) leaves fewer parts and writes
// each row r times per level, unaffordable where a write means a graph build. *Fixed fan-in* (merge
// any 4 parts of one size class) needs size classes, whose borders split parts of nearly equal
// size, and reacts badly to inserts of mixed size. *Any parts, not only neighbours* (Lucene's
// tiered policy) packs better, but block numbers would no longer say which part is the newer, on
// which the order of equal keys, and recovery, rest. *Looking ahead* for the cheapest sequence of
// merges is optimal only if the future is known. ClickHouse's simple selector is the closest
// relative: it has the same ratio, lowered by a formula of size, age and count at once, which is
// hard to predict; here it has three values with one reason each.
struct MergePolicy {
  double busy_ratio = 4.0;
  double settled_ratio = 1.5;
  std::chrono::seconds settled_age{60};
  // Parts count as at least this large: opening one costs as much as reading so many bytes.
  uint64_t part_bytes_floor = 16384;
  // A part of which more is dead is rewritten alone, if there is nothing to merge it with; so is
  // one with a damaged index.
  double dead_share_max = 0.2;

  // Limits of the table, from its settings.
  size_t max_parts_at_once = 100;
  uint64_t max_bytes = 161061273600;  // of the inputs of one merge
  size_t delay_parts = 1000;          // active parts of a partition at which inserts are delayed
};

// The parts [first, first + count) of the input; count is 1 for a part that is rewritten alone.
struct MergeSelection {
  size_t first = 0;
  size_t count = 0;
};

// The next merge worth doing, or nothing. `parts` are all active parts of a table, sorted by
// (partition_id, min_block). A selection lies within one partition, has no busy part in or between,
// and keeps to the limits of the policy. Time O(parts × max_parts_at_once).
std::optional<MergeSelection> SelectMerge(std::span<const MergeablePart> parts,
                                          const MergePolicy& policy);

}  // namespace granary
