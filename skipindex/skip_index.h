// The plugin boundary: what a kind of skip index is.
//
// A SkipIndexKind is registered under its SQL name (registry.h). It turns a declaration into an
// immutable SkipIndex, which says what it is useful for, makes a SubIndexBuilder per index block
// (GRANULARITY granules) and opens finished SubIndexes from bytes. A SubIndex offers abilities as
// objects that exist or not: a Pruner (no row of this block can match), a NeighborSearcher (near
// rows of this block). The engine owns everything else: files, framing, checksums, when to build,
// threads, caching, merging over sub-indexes, exact re-ranking, and what happens when a sub-index
// is missing, stale or damaged.
//
// Contract. Rows of a block are numbered from 0. Bytes given to SkipIndex::Open are hostile: answer
// with CORRUPTED_DATA, never read beyond them, neither then nor in a later search. A pruner errs
// only towards "may match". A searcher may miss rows but never returns a rejected one, nor one
// twice. The same rows, arguments and seed give the same bytes on any number of threads and any
// CPU. SkipIndex and SubIndex are immutable and used from many threads; builders and searches
// belong to one thread each.
//
// examples/ has a complete user-written kind.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/skipindex/accept_set.h"
#include "granary/skipindex/metric.h"
#include "granary/table/byte_stream.h"
#include "granary/table/column.h"
#include "granary/table/predicate.h"
#include "granary/table/schema.h"
#include "granary/table/task_context.h"
#include "granary/table/vector_rows.h"

namespace granary {

struct DistanceKernels;

// A row that a searcher proposes. `distance` is the searcher's own estimate in its own scale:
// smaller is nearer, comparable within one SkipIndex, and never shown to users.
struct Candidate {
  uint32_t row = 0;
  float distance = 0;
};

struct NeighborQuery {
  std::span<const float> vector;             // outlives the search
  std::span<const double> doubles = {};      // the same before rounding, if it is known
  size_t count = 0;                          // how many rows the caller wants; at least 1
  size_t effort = 0;                         // width of the search (ef_search); at least 1
  size_t max_visited = 0;                    // give up when more would be measured; 0: never
  AcceptSet* accept = nullptr;               // null: every row; else outlives the search
  const DistanceKernels* kernels = nullptr;  // null: the best for this CPU

  // With an accept set, the first call goes on until one row in so many of `effort` is found: a
  // width of 256 in which 10 of 10 results are the only accepted ones has missed nearer rows.
  static constexpr size_t kAcceptedShare = 4;
  size_t wanted_at_first() const {
    return accept == nullptr ? count : std::max(count, effort / kAcceptedShare);
  }
  // With max_visited, the first step of a search is so wide: what it finds tells how many of the
  // rows near the query are accepted.
  static constexpr size_t kProbeWidth = 32;
};

// A search in progress over one index block.
class NeighborSearch {
 public:
  virtual ~NeighborSearch() = default;

  // Appends the next nearest candidates that were not returned before, ascending by (distance, row)
  // within one call: at least query.count if there are as many reachable accepted rows, on the
  // first call all those it has come across, up to max(count, candidates_max(effort)). Later calls
  // make the search wider by half. Appends nothing when the search can find no more (which does not
  // mean that there are none), or gives up: judged by what its first steps accept, or because it
  // has measured twice query.max_visited rows.
  virtual void Next(std::vector<Candidate>& out, const TaskContext& context) = 0;

  // Beyond this estimate hardly any row is in truth nearer than one of the given estimate: rows up
  // to it must be measured exactly to tell them apart. Infinite where the error is not known.
  virtual float WithError(float) const { return std::numeric_limits<float>::infinity(); }

  // Rows whose distance was computed so far.
  virtual size_t visited() const = 0;
};

// Proves for rows of one index block that they are too far away, without reading their vectors.
class DistanceBounds {
 public:
  virtual ~DistanceBounds() = default;

  // A key for each of the rows, which are in ascending order.
  virtual void Score(std::span<const uint32_t> rows, uint32_t* keys) = 0;
  // The key beyond which no row has a distance of at most `distance` (under kDotProduct: of at
  // least `distance`), as the SQL function of the metric computes it. UINT32_MAX where nothing is
  // proved.
  virtual uint32_t KeyLimit(double distance) const = 0;
};

class NeighborSearcher {
 public:
  virtual ~NeighborSearcher() = default;
  virtual std::unique_ptr<NeighborSearch> Start(const NeighborQuery& query) const = 0;
  // Whether StartBounds gives bounds for ordinary vectors.
  virtual bool has_bounds() const { return false; }
  // Bounds of the distances to query.vector; null if this sub-index cannot give any. Only to be
  // relied on when the bytes it was opened from have been verified.
  virtual std::unique_ptr<DistanceBounds> StartBounds(const NeighborQuery&) const {
    return nullptr;
  }
  // How many of the candidates of several blocks, nearest first by their estimates, hold those that
  // a search of this effort is for: more than effort where estimates are coarse.
  virtual size_t candidates_max(size_t effort) const { return effort; }
  // True if Next() considers every row of the block (a small block has no graph).
  virtual bool is_flat() const = 0;
  // What a search reads of each row that it measures.
  virtual size_t bytes_per_row() const = 0;
};

class Pruner {
 public:
  virtual ~Pruner() = default;
  // False only if no row of the block can satisfy the predicate.
  virtual bool MayMatch(const Predicate& predicate) const = 0;
};

// A finished index object over one index block. The bytes (and vectors) it was opened from outlive
// it.
class SubIndex {
 public:
  virtual ~SubIndex() = default;
  // nullptr where the kind has no such ability. Valid as long as the SubIndex.
  virtual const Pruner* pruner() const { return nullptr; }
  virtual const NeighborSearcher* neighbor_searcher() const { return nullptr; }
  // What it holds on the heap, itself included but not what it was opened from: charged to the
  // memory limit of the database as long as the engine keeps it open. May grow while it is used.
  virtual size_t heap_bytes() const { return 0; }
};

// What a builder may use besides the values it was given.
struct SubIndexInput {
  size_t rows = 0;  // of the block; with vectors: those that have one
  // The vectors of the block, as stored; only for indexes with a vector_search(), else null.
  const VectorRows* vectors = nullptr;
  const TaskContext* context = nullptr;
};

class SubIndexBuilder {
 public:
  virtual ~SubIndexBuilder() = default;
  // The values of the indexed expression for the next granule of the block, not constant. Not
  // called for indexes with a vector_search(), which get VectorRows instead.
  virtual void AddGranule(const Column& values) = 0;
  // Writes the sub-index. Called once, last. May use the executor and the memory tracker of
  // the context and checks for cancellation at least every 50 ms.
  virtual void Finish(const SubIndexInput& input, ByteSink& out) = 0;
};

// What a skip index over vectors can search.
struct VectorSearchAbility {
  Metric metric = Metric::kL2;
  std::string column;
  // Nothing until the first vector has been committed, for a declaration without dimensions.
  std::optional<size_t> dimensions;
  // Whether rows may have no vector (an empty array). They are in no sub-index: those get the other
  // rows of the block, numbered without gaps.
  bool allows_empty = false;
};

// A declared index. Immutable.
class SkipIndex {
 public:
  virtual ~SkipIndex() = default;

  // True if the pruners of this index may exclude rows for this predicate.
  virtual bool CanPrune(const Predicate&) const { return false; }
  virtual const VectorSearchAbility* vector_search() const { return nullptr; }
  // For example "vector_similarity('hnsw', 'L2Distance', 100, 'i8', 32, 128)": every argument,
  // with defaults filled in; what EXPLAIN and system.data_skipping_indices show.
  virtual std::string description() const = 0;

  // Refuses rows that the index cannot hold (wrong length, NaN, ...) before anything is written:
  // throws INCORRECT_DATA that names the row, counted from `first_row`.
  virtual void CheckRows(const Column& values, size_t first_row) const;

  virtual std::unique_ptr<SubIndexBuilder> NewBuilder() const = 0;

  // `bytes` (which start at a multiple of 64) and the memory of *input.vectors stay valid until the
  // SubIndex is gone. Throws CORRUPTED_DATA.
  virtual std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                               const SubIndexInput& input) const = 0;
};

class SkipIndexKind {
 public:
  virtual ~SkipIndexKind() = default;
  // The SQL name, for example "minmax".
  virtual std::string_view name() const = 0;
  // Granules per index block where the declaration has no GRANULARITY.
  virtual size_t default_granularity() const { return 1; }
  // Which arguments may be given as `name = value`, behind those without a name.
  virtual std::vector<std::string_view> named_arguments() const { return {}; }
  // Checks expression type and arguments once. Throws INCORRECT_QUERY, INCORRECT_DATA,
  // ILLEGAL_COLUMN, ...
  virtual std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                                   const TableSettings& settings) const = 0;
};

}  // namespace granary
