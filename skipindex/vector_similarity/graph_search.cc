#include "granary/skipindex/vector_similarity/graph_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <boost/container/small_vector.hpp>

#include "granary/skipindex/distance/distance.h"

namespace granary {
namespace {

// Among as many rows per exception each exception is looked up, else both are walked along.
constexpr size_t kFewExceptions = 8;
constexpr size_t kHopsBetweenChecks = 64;
// Searches of at most this effort need no memory for their candidates beside the search itself.
constexpr size_t kUsualEffort = 256;
// A walk is cut short where it has measured so many times the limit: some queries take more than
// was predicted, and what was measured would be lost.
constexpr size_t kPatience = 2;
// With integer codes the beam is widened until it holds all rows that the code cannot tell from the
// nearest ones, but at most to this many times `effort`. Codes of one bit per dimension call for
// it, and bytes where rows lie close together in clusters that are far apart: of 100 clusters of
// 300 rows recall@10 is .58 at a width of 16 without, .99 with it.
constexpr size_t kCandidatesPerBitEffort = 8;
constexpr size_t kCandidatesPerByteEffort = 16;

const DistanceKernels& KernelsOf(const NeighborQuery& query) {
  return query.kernels != nullptr ? *query.kernels : BestDistanceKernels();
}

std::unique_ptr<ByteCodeScorer> MakeByteScorer(const GraphFile& file, Metric metric,
                                               const NeighborQuery& query) {
  auto scorer = std::make_unique<ByteCodeScorer>(KernelsOf(query), file.byte_codes);
  if (metric == Metric::kCosine) {
    std::vector<float> vector(query.vector.begin(), query.vector.end());
    Normalize(vector);
    scorer->SetQuery(*file.byte_codec, vector);
  } else {
    scorer->SetQuery(*file.byte_codec, query.vector);
  }
  return scorer;
}

std::unique_ptr<CodeScorer> MakeScorer(const GraphFile& file, Metric metric,
                                       const NeighborQuery& query) {
  if (file.byte_codec) return MakeByteScorer(file, metric, query);
  if (file.bit_codes) {
    return std::make_unique<BitCodeScorer>(KernelsOf(query), *file.bit_codes, query.vector);
  }
  const std::vector<double> floats(query.vector.begin(), query.vector.end());
  return std::make_unique<FloatCodeScorer>(KernelsOf(query), metric, file.float_codes,
                                           query.doubles.empty() ? floats : query.doubles);
}

class GraphSearch final : public NeighborSearch {
 public:
  GraphSearch(const GraphFile& file, Metric metric, const NeighborQuery& query, BeamPool& beams)
      : file_(file),
        query_(query),
        candidates_max_(CandidatesMax(file, query.effort)),
        scorer_(MakeScorer(file, metric, query)),
        beams_(beams),
        beam_(beams.Take()) {}
  ~GraphSearch() override { beams_.Return(std::move(beam_)); }

  void Next(std::vector<Candidate>& out, const TaskContext& context) override {
    const bool first = !started_;
    if (first) {
      Start();
    } else {
      if (!beam_->Widen(beam_->width() + (beam_->width() + 1) / 2)) return;
      std::sort(returned_.begin(), returned_.end());
    }
    Charge(context);
    while (true) {
      if (!WalkToEnd(context)) return;
      CollectAccepted();
      const size_t width = first ? WidthOfFirstCall() : WidthFor(query_.count);
      if (width == 0) break;
      if (first && WouldMeasureTooMany()) return;
      if (!beam_->Widen(width)) break;
    }
    out.reserve(out.size() + fresh_.size());
    returned_.reserve(returned_.size() + fresh_.size());
    for (const BeamEntry& entry : fresh_) {
      out.push_back({entry.node(), scorer_->Estimate(entry.key())});
      returned_.push_back(entry.node());
    }
    Charge(context);
  }

  float WithError(float distance) const override {
    const uint32_t key = scorer_->KeyWithError(scorer_->KeyOf(distance));
    if (key == UINT32_MAX) return std::numeric_limits<float>::infinity();
    return std::max(distance, scorer_->Estimate(key));
  }

  size_t visited() const override { return beam_->visited(); }

 private:
  void Start() {
    started_ = true;
    const size_t width = FullWidth();
    beam_->Reset(file_.rows, query_.max_visited == 0 ? width : std::min(width, query_.kProbeWidth));
    beam_->Add(DescendTo(file_.upper, *scorer_, file_.rows, file_.rows, width), *scorer_);
  }

  size_t FullWidth() const { return std::min(std::max(query_.count, query_.effort), file_.rows); }

  // The width to go on with until so many are found; 0: the beam holds them. As wide as the rows so
  // far say, but neither a little wider nor more than twice as wide.
  size_t WidthFor(size_t wanted) const {
    const size_t width = beam_->width();
    if (fresh_.size() >= wanted) return 0;
    if (2 * fresh_.size() <= wanted) return 2 * width;
    return std::max(width * wanted / fresh_.size(), width + (width + 3) / 4);
  }

  size_t WidthOfFirstCall() const {
    if (beam_->width() < FullWidth()) return FullWidth();
    if (!HoldsTooFewCandidates()) return WidthFor(query_.wanted_at_first());
    // Of hardly more accepted rows than are wanted, the last is within the error of any code.
    const size_t width = beam_->width();
    return fresh_.size() < 2 * query_.count ? width + (width + 3) / 4 : 2 * width;
  }

  // What the search holds by now.
  void Charge(const TaskContext& context) {
    constexpr const char* kWhat = "a search in a graph";
    const size_t bytes = sizeof(*this) + beam_->heap_bytes();
    if (bytes <= charge_.bytes()) return;
    if (charge_.bytes() == 0) charge_ = MemoryCharge(context.memory(), 0, kWhat);
    charge_.Grow(bytes - charge_.bytes(), kWhat);
  }

  // False if too many rows were measured on the way.
  bool WalkToEnd(const TaskContext& context) {
    const size_t limit = query_.max_visited == 0 ? SIZE_MAX : kPatience * query_.max_visited;
    while (beam_->Walk(file_.bottom, *scorer_, kHopsBetweenChecks)) {
      context.CheckCancelled();
      if (beam_->visited() > limit) return false;
    }
    return true;
  }

  // Whether too many rows will be measured until enough are accepted, if others are accepted as
  // often as those so far.
  bool WouldMeasureTooMany() const {
    const size_t wanted = query_.wanted_at_first();
    const bool is_full = beam_->entries().size() == beam_->width();
    if (query_.max_visited == 0 || !is_full || fresh_.size() >= wanted) return false;
    const double rows_per_accepted =
        static_cast<double>(beam_->visited()) / static_cast<double>(fresh_.size() + 1);
    return rows_per_accepted * static_cast<double>(wanted) >
           static_cast<double>(query_.max_visited);
  }

  // Fills fresh_ with the accepted rows of the beam that were not handed out, nearest first.
  void CollectAccepted() {
    fresh_.clear();
    if (query_.accept != nullptr && query_.accept->is_lazy()) {
      std::vector<uint32_t> rows;
      for (const BeamEntry& entry : beam_->entries()) rows.push_back(entry.node());
      query_.accept->DecideAbout(rows);
    }
    for (const BeamEntry& entry : beam_->entries()) {
      if (query_.accept != nullptr && !query_.accept->Accepts(entry.node())) continue;
      if (std::binary_search(returned_.begin(), returned_.end(), entry.node())) continue;
      fresh_.push_back(entry);
    }
  }

  // Whether rows beyond the beam may be among the query.count nearest for all that the code says.
  bool HoldsTooFewCandidates() const {
    return fresh_.size() >= query_.count && fresh_.size() < candidates_max_ &&
           candidates_max_ > query_.effort &&
           fresh_.back().key() <= scorer_->KeyWithError(fresh_[query_.count - 1].key());
  }

  const GraphFile& file_;
  const NeighborQuery query_;
  const size_t candidates_max_;
  const std::unique_ptr<CodeScorer> scorer_;
  BeamPool& beams_;
  std::unique_ptr<Beam> beam_;
  MemoryCharge charge_;
  bool started_ = false;
  boost::container::small_vector<BeamEntry, kUsualEffort> fresh_;
  boost::container::small_vector<uint32_t, kUsualEffort> returned_;  // sorted
};

class CodeBounds final : public DistanceBounds {
 public:
  CodeBounds(const GraphFile& file, std::unique_ptr<ByteCodeScorer> scorer)
      : file_(file), scorer_(std::move(scorer)) {}

  void Score(std::span<const uint32_t> rows, uint32_t* keys) override {
    if (rows.empty()) return;
    Prefetch(rows.first(std::min(kRowsAhead, rows.size())));
    for (size_t done = 0; done < rows.size(); done += kRowsAhead) {
      const size_t count = std::min(kRowsAhead, rows.size() - done);
      const size_t ahead = done + count;
      Prefetch(rows.subspan(ahead, std::min(kRowsAhead, rows.size() - ahead)));
      scorer_->Score(rows.data() + done, count, keys + done);
    }
    LowerExceptions(rows, keys);
  }

  uint32_t KeyLimit(double distance) const override {
    return scorer_->KeyLimit(distance, file_.byte_errors.bound);
  }

 private:
  static constexpr size_t kRowsAhead = 32;

  void Prefetch(std::span<const uint32_t> rows) const {
    for (const uint32_t row : rows) {
      const std::byte* code = scorer_->base() + row * scorer_->stride_bytes();
      for (size_t offset = 0; offset < scorer_->code_bytes(); offset += 64) {
        __builtin_prefetch(code + offset);
      }
    }
  }

  // The bound is that of most rows; the keys of the others are lowered by what they exceed it.
  void LowerExceptions(std::span<const uint32_t> rows, uint32_t* keys) const {
    const ByteCodeErrors& errors = file_.byte_errors;
    const auto first = std::lower_bound(errors.rows.begin(), errors.rows.end(), rows.front());
    const auto end = std::upper_bound(first, errors.rows.end(), rows.back());
    const bool are_few = static_cast<size_t>(end - first) * kFewExceptions < rows.size();
    auto row = rows.begin();
    for (auto exception = first; exception < end && row != rows.end(); ++exception) {
      if (are_few) {
        row = std::lower_bound(row, rows.end(), *exception);
      } else {
        while (row != rows.end() && *row < *exception) ++row;
      }
      if (row == rows.end() || *row != *exception) continue;
      uint32_t& key = keys[row - rows.begin()];
      const float error = errors.errors[static_cast<size_t>(exception - errors.rows.begin())];
      key = scorer_->LowerForError(key, error, errors.bound);
    }
  }

  const GraphFile& file_;
  const std::unique_ptr<ByteCodeScorer> scorer_;
};

class FlatSearch final : public NeighborSearch {
 public:
  FlatSearch(const VectorRows& vectors, Metric metric, const NeighborQuery& query)
      : vectors_(vectors), metric_(metric), query_(query) {}

  void Next(std::vector<Candidate>& out, const TaskContext& context) override {
    size_t count = query_.count;
    if (!measured_) {
      MeasureAll(context);
      count = std::max(count, query_.effort);
    }
    count = std::min(count, entries_.size());
    const auto middle = entries_.begin() + static_cast<ptrdiff_t>(count);
    std::partial_sort(entries_.begin(), middle, entries_.end());
    for (auto entry = entries_.begin(); entry != middle; ++entry) {
      out.push_back({entry->node(), KeyToFloat(entry->key())});
    }
    entries_.erase(entries_.begin(), middle);
  }

  size_t visited() const override { return visited_; }

 private:
  void MeasureAll(const TaskContext& context) {
    constexpr size_t kBatch = 256;
    measured_ = true;
    std::vector<uint32_t> batch;
    for (uint32_t row = 0; row < vectors_.rows; ++row) {
      batch.push_back(row);
      if (batch.size() == kBatch || row + 1 == vectors_.rows) {
        context.CheckCancelled();
        if (query_.accept != nullptr) {
          query_.accept->DecideAbout(batch);
          std::erase_if(batch, [&](uint32_t other) { return !query_.accept->Accepts(other); });
        }
        Measure(batch);
        batch.clear();
      }
    }
    visited_ = entries_.size();
  }

  void Measure(std::span<const uint32_t> rows) {
    const DistanceKernels& kernels = KernelsOf(query_);
    const DistanceFunction function =
        metric_ == Metric::kL2 ? DistanceFunction::kL2Squared : FunctionOf(metric_);
    distances_.resize(rows.size());
    if (vectors_.element == VectorElement::kFloat64) {
      const std::vector<double> query(query_.vector.begin(), query_.vector.end());
      std::vector<double> wide(rows.size());
      ComputeDistances(kernels, function, std::span<const double>(query), vectors_, rows,
                       wide.data());
      std::copy(wide.begin(), wide.end(), distances_.begin());
    } else {
      ComputeDistances(kernels, function, query_.vector, vectors_, rows, distances_.data());
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      entries_.push_back({FloatToKey(SortableEstimate(distances_[i])), rows[i]});
    }
  }

  // The cosine distance to or from a zero vector is NaN; it sorts among the farthest.
  float SortableEstimate(float distance) const {
    if (std::isnan(distance)) return metric_ == Metric::kCosine ? 1 : kFarthest;
    return metric_ == Metric::kDotProduct ? -distance : distance;
  }

  static constexpr float kFarthest = std::numeric_limits<float>::infinity();

  const VectorRows vectors_;
  const Metric metric_;
  const NeighborQuery query_;
  bool measured_ = false;
  size_t visited_ = 0;
  std::vector<BeamEntry> entries_;
  std::vector<float> distances_;
};

}  // namespace

std::unique_ptr<Beam> BeamPool::Take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return std::make_unique<Beam>();
  auto beam = std::move(free_.back());
  free_.pop_back();
  return beam;
}

void BeamPool::Return(std::unique_ptr<Beam> beam) {
  const std::lock_guard lock(mutex_);
  try {
    free_.push_back(std::move(beam));
  } catch (const std::bad_alloc&) {  // without room for it the beam goes: destructors return them
  }
}

size_t BeamPool::heap_bytes() const {
  const std::lock_guard lock(mutex_);
  size_t bytes = free_.capacity() * sizeof(free_[0]);
  for (const auto& beam : free_) bytes += sizeof(Beam) + beam->heap_bytes();
  return bytes;
}

std::unique_ptr<NeighborSearch> StartGraphSearch(const GraphFile& file, Metric metric,
                                                 const NeighborQuery& query, BeamPool& beams) {
  return std::make_unique<GraphSearch>(file, metric, query, beams);
}

std::unique_ptr<DistanceBounds> StartCodeBounds(const GraphFile& file, Metric metric,
                                                const NeighborQuery& query) {
  if (!file.byte_codec) return nullptr;
  float largest = 0;
  for (float value : query.vector) largest = std::max(largest, std::fabs(value));
  if (!HasSquaresInFloat(largest)) return nullptr;
  return std::make_unique<CodeBounds>(file, MakeByteScorer(file, metric, query));
}

size_t CandidatesMax(const GraphFile& file, size_t effort) {
  if (file.bit_codes) return effort * kCandidatesPerBitEffort;
  return file.byte_codec ? effort * kCandidatesPerByteEffort : effort;
}

std::unique_ptr<NeighborSearch> StartFlatSearch(const VectorRows& vectors, Metric metric,
                                                const NeighborQuery& query) {
  return std::make_unique<FlatSearch>(vectors, metric, query);
}

}  // namespace granary
