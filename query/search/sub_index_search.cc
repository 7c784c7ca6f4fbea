#include "granary/query/search/sub_index_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <boost/container/small_vector.hpp>

namespace granary {
namespace {

// With what effort a sub-index of several begins, unless its share of all is more.
constexpr size_t kEffortMin = 16;
constexpr double kDeviations = 1;

// The rows [first, first + count) of `rows`, numbered from 0.
RowBitmap SliceBitmap(const RowBitmap& rows, size_t first, size_t count) {
  RowBitmap slice(count);
  const std::span<const uint64_t> from = rows.words();
  const std::span<uint64_t> to = slice.mutable_words();
  const size_t shift = first % 64;
  for (size_t word = 0; word < to.size(); ++word) {
    const size_t source = first / 64 + word;
    to[word] = from[source] >> shift;
    if (shift != 0 && source + 1 < from.size()) to[word] |= from[source + 1] << (64 - shift);
  }
  if (count % 64 != 0) to.back() &= (uint64_t{1} << (count % 64)) - 1;
  return slice;
}

// How many of `total` results lie in a block with this share of the rows, with high probability.
size_t ShareOf(size_t total, double share) {
  const double expected = static_cast<double>(total) * share;
  const double most = expected + kDeviations * std::sqrt(expected * (1 - share));
  return std::min(total, static_cast<size_t>(std::ceil(most)));
}

// A search of one block that can go on.
class BlockSearch {
 public:
  BlockSearch(const DistanceQuery& query, size_t count, size_t effort, double share,
              SearchedBlock* block)
      : query_(query),
        block_(block),
        wanted_(std::min(count, block->matching)),
        count_(std::min(std::max<size_t>(ShareOf(count, share), 1), wanted_)),
        effort_(std::min(effort, std::max({static_cast<size_t>(static_cast<double>(effort) * share),
                                           count_, kEffortMin}))),
        effort_max_(effort) {}

  void GoOn(const TaskContext& task) {
    if (search_ == nullptr) {
      Start(task);
    } else {
      effort_ += (effort_ + 1) / 2;
    }
    const size_t before = block_->candidates.size();
    search_->Next(block_->candidates, task);
    const size_t found = block_->candidates.size();
    is_exhausted_ = found == before || found < count_;
    if (found > before) reach_ = block_->candidates.back().distance;
    task.progress().rows_done += search_->visited() - block_->visited_rows;
    block_->visited_rows = search_->visited();
  }

  bool may_go_on() const {
    return !is_exhausted_ && (effort_ < effort_max_ || block_->candidates.size() < wanted_);
  }
  // The farthest row that the last step has found is nearer than that.
  bool IsWithin(float limit) const { return reach_ < limit; }

  // Drops candidates that cannot be among the nearest of this block. Estimates of another block may
  // be off by more than their error where the query is beyond the range of its codes.
  void KeepNearest() {
    std::vector<Candidate>& candidates = block_->candidates;
    if (candidates.size() <= wanted_) return;
    const auto last = candidates.begin() + static_cast<ptrdiff_t>(wanted_) - 1;
    std::nth_element(
        candidates.begin(), last, candidates.end(),
        [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
    const float limit = search_->WithError(last->distance);
    std::erase_if(candidates,
                  [&](const Candidate& candidate) { return candidate.distance > limit; });
  }

  void Finish() {
    block_->is_short = is_exhausted_ && block_->candidates.size() < wanted_;
    if (block_->is_short) block_->candidates.clear();
    for (Candidate& candidate : block_->candidates) {
      candidate.row = RowOf(candidate.row);
    }
  }

 private:
  // The row of the part with this number in the sub-index.
  uint32_t RowOf(uint32_t number) const {
    const PresentRows* present = block_->present;
    if (present == nullptr) return static_cast<uint32_t>(block_->first_row) + number;
    return present->RowOf(present->VectorOf(block_->first_row) + number);
  }

  // The rows of block_->accept as the sub-index numbers them.
  RowBitmap Accepted() const {
    if (block_->present == nullptr) {
      return SliceBitmap(*block_->accept, block_->first_row, block_->rows);
    }
    return block_->present->VectorsOf(*block_->accept, block_->first_row, block_->rows);
  }

  void Start(const TaskContext& task) {
    const bool has_accept_set = block_->decide || block_->matching < block_->vectors;
    charge_ = MemoryCharge(task.memory(), has_accept_set ? block_->vectors / 8 : 0,
                           "the rows that may be returned");
    std::optional<RowBitmap> rows;
    if (block_->accept != nullptr && block_->matching < block_->vectors) rows.emplace(Accepted());
    if (block_->decide) {
      if (!rows) rows.emplace(block_->vectors, true);
      accept_.emplace(*std::move(rows),
                      [this](auto about, auto accepted) { DecideAbout(about, accepted); });
    } else if (rows) {
      accept_.emplace(*std::move(rows));
    }
    search_ =
        block_->sub_index->neighbor_searcher()->Start({.vector = query_.floats(),
                                                       .doubles = query_.doubles(),
                                                       .count = count_,
                                                       .effort = effort_,
                                                       .max_visited = block_->max_visited,
                                                       .accept = accept_ ? &*accept_ : nullptr,
                                                       .kernels = &query_.kernels()});
  }

  void DecideAbout(std::span<const uint32_t> rows, std::span<uint8_t> accepted) {
    std::vector<uint32_t> rows_of_part(rows.begin(), rows.end());
    for (uint32_t& row : rows_of_part) row = RowOf(row);
    block_->decide(rows_of_part, accepted);
    block_->decided_rows += rows.size();
  }

  const DistanceQuery& query_;
  SearchedBlock* const block_;
  const size_t wanted_;
  const size_t count_;
  size_t effort_;
  const size_t effort_max_;
  MemoryCharge charge_;  // of accept_
  std::optional<AcceptSet> accept_;
  std::unique_ptr<NeighborSearch> search_;
  bool is_exhausted_ = false;
  float reach_ = 0;
};

// The estimate of the count-th nearest candidate; infinite if there are fewer.
float DistanceOf(size_t count, std::span<const SearchedBlock> blocks) {
  boost::container::small_vector<float, 512> distances;
  for (const SearchedBlock& block : blocks) {
    for (const Candidate& candidate : block.candidates) distances.push_back(candidate.distance);
  }
  if (distances.size() < count) return std::numeric_limits<float>::infinity();
  const auto last = distances.begin() + static_cast<ptrdiff_t>(count) - 1;
  std::nth_element(distances.begin(), last, distances.end());
  return *last;
}

// How many candidates one search of all rows would have found.
size_t CandidatesOf(std::span<const SearchedBlock> blocks, size_t count, size_t effort) {
  const bool are_all_accepted = std::all_of(
      blocks.begin(), blocks.end(), [](const auto& block) { return block.matching == block.rows; });
  return are_all_accepted ? effort : std::max(count, effort / NeighborQuery::kAcceptedShare);
}

}  // namespace

void SearchBlocks(const DistanceQuery& query, size_t count, size_t effort,
                  std::span<SearchedBlock> blocks, const TaskContext& task) {
  size_t matching = 0;
  for (const SearchedBlock& block : blocks) matching += block.matching;
  boost::container::small_vector<BlockSearch, 2> searches;
  searches.reserve(blocks.size());
  for (SearchedBlock& block : blocks) {
    const double share = static_cast<double>(block.matching) / static_cast<double>(matching);
    searches.emplace_back(query, count, effort, share, &block);
  }
  const size_t candidates = CandidatesOf(blocks, count, effort);
  boost::container::small_vector<BlockSearch*, 16> going;
  for (BlockSearch& search : searches) going.push_back(&search);
  while (!going.empty()) {
    task.executor().ParallelFor(going.size(), [&](size_t i) {
      task.CheckCancelled();
      going[i]->GoOn(task);
    });
    going.clear();
    for (BlockSearch& search : searches) {
      if (search.may_go_on()) going.push_back(&search);
    }
    if (going.empty()) break;
    const float limit = DistanceOf(candidates, blocks);
    const auto rest = std::remove_if(going.begin(), going.end(), [&](const BlockSearch* search) {
      return !search->IsWithin(limit);
    });
    going.erase(rest, going.end());
  }
  for (BlockSearch& search : searches) {
    search.Finish();
    search.KeepNearest();
  }
}

}  // namespace granary
