#include "granary/skipindex/vector_similarity/vector_similarity_index.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <new>

#include <fmt/format.h>

#include "granary/skipindex/vector_similarity/declaration.h"
#include "granary/skipindex/vector_similarity/exact_rows.h"
#include "granary/skipindex/vector_similarity/graph_builder.h"
#include "granary/skipindex/vector_similarity/graph_file.h"
#include "granary/skipindex/vector_similarity/graph_search.h"
#include "granary/skipindex/vector_similarity/vector_checks.h"

namespace granary {
namespace {

class VectorSubIndex final : public SubIndex, public NeighborSearcher {
 public:
  VectorSubIndex(GraphFile file, Metric metric, const VectorRows& vectors)
      : file_(std::move(file)), metric_(metric), vectors_(vectors) {}

  const NeighborSearcher* neighbor_searcher() const override { return this; }
  bool is_flat() const override { return file_.flat; }
  size_t heap_bytes() const override {
    return sizeof(*this) + file_.upper.capacity() * sizeof(GraphLayer) +
           file_.dimensions * sizeof(float) + beams_.heap_bytes();
  }
  size_t candidates_max(size_t effort) const override { return CandidatesMax(file_, effort); }
  size_t bytes_per_row() const override {
    if (file_.flat) return vectors_.stride_bytes;
    if (file_.bit_codes) return file_.bit_codes->stride_bytes;
    return file_.byte_codec ? file_.byte_codes.stride_bytes : file_.float_codes.stride_bytes;
  }

  std::unique_ptr<NeighborSearch> Start(const NeighborQuery& query) const override {
    if (query.vector.size() != vectors_.dimensions) {
      throw Error(ErrorCode::kIncorrectQuery,
                  fmt::format("the reference vector has {} dimensions, the index has {}",
                              query.vector.size(), vectors_.dimensions));
    }
    if (file_.flat) return StartFlatSearch(vectors_, metric_, query);
    return StartGraphSearch(file_, metric_, query, beams_);
  }
  bool has_bounds() const override { return file_.byte_codec.has_value(); }
  std::unique_ptr<DistanceBounds> StartBounds(const NeighborQuery& query) const override {
    return StartCodeBounds(file_, metric_, query);
  }

 private:
  const GraphFile file_;
  const Metric metric_;
  const VectorRows vectors_;
  mutable BeamPool beams_;
};

// Byte codes of a block, at a multiple of a cache line, and how far they are from the vectors.
class ByteCodeArray {
 public:
  ByteCodeArray(const VectorReader& reader, const ByteCodec& codec, const TaskContext& context)
      : codes_(static_cast<std::byte*>(
            ::operator new(reader.rows().rows* codec.stride_bytes(), kAlignment))) {
    rows_ = RowsOf(codec);
    rows_.base = codes_.get();
    const size_t rows = reader.rows().rows;
    std::vector<float> errors(rows);
    const size_t chunks = (rows + kChunkRows - 1) / kChunkRows;
    context.executor().ParallelFor(chunks, [&](size_t chunk) {
      std::vector<float> vector(reader.rows().dimensions);
      context.CheckCancelled();
      for (size_t row = chunk * kChunkRows; row < std::min(rows, (chunk + 1) * kChunkRows); ++row) {
        reader.Read(row, vector.data());
        const float error = codec.EncodeRow(vector, codes_.get() + row * codec.stride_bytes());
        errors[row] = reader.IsNearlyExact(row) ? error : std::numeric_limits<float>::infinity();
      }
    });
    FindBound(errors);
  }

  // Rows of such codes, wherever they will be.
  static ByteCodeRows RowsOf(const ByteCodec& codec) {
    return {.stride_bytes = codec.stride_bytes(),
            .dimensions = codec.dimensions(),
            .scaled = codec.metric() == Metric::kDotProduct};
  }
  static size_t ByteSize(size_t rows, const ByteCodec& codec) {
    return rows * codec.stride_bytes();
  }

  const ByteCodeRows& rows() const { return rows_; }
  ByteCodeErrors errors() const { return {bound_, exceptions_, exception_errors_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  static constexpr size_t kChunkRows = 256;
  static constexpr double kBoundedShare = 0.99;  // of rows; ByteCodec clips values of one in 100
  struct Delete {
    void operator()(std::byte* codes) const { ::operator delete(codes, kAlignment); }
  };

  void FindBound(const std::vector<float>& errors) {
    std::vector<float> sorted = errors;
    const auto bound = sorted.begin() + static_cast<ptrdiff_t>(
                                            kBoundedShare * static_cast<double>(sorted.size() - 1));
    CancelCheck check;
    std::nth_element(sorted.begin(), bound, sorted.end(), [&check](float a, float b) {
      check.After(2);
      return a < b;
    });
    bound_ = *bound;
    for (size_t row = 0; row < errors.size(); ++row) {
      if (errors[row] <= bound_) continue;
      exceptions_.push_back(static_cast<uint32_t>(row));
      exception_errors_.push_back(errors[row]);
    }
  }

  std::unique_ptr<std::byte, Delete> codes_;
  ByteCodeRows rows_;
  float bound_ = 0;
  std::vector<uint32_t> exceptions_;
  std::vector<float> exception_errors_;
};

class VectorSubIndexBuilder final : public SubIndexBuilder {
 public:
  VectorSubIndexBuilder(const VectorSimilarityDeclaration& declaration, size_t min_rows_for_graph,
                        const DistanceKernels& kernels)
      : declaration_(declaration), min_rows_for_graph_(min_rows_for_graph), kernels_(kernels) {}

  void AddGranule(const Column&) override {
    throw Error(ErrorCode::kLogicalError, "a vector_similarity index is built from vectors");
  }

  void Finish(const SubIndexInput& input, ByteSink& out) override {
    const VectorRows& vectors = *input.vectors;
    const TaskContext& context = *input.context;
    CheckAll(vectors, context);
    if (vectors.rows == 0 || vectors.rows < min_rows_for_graph_ || vectors.rows > kMaxLayerNodes) {
      return WriteFlatFile(declaration_, vectors, out);
    }
    const GraphParameters parameters{.max_connections = declaration_.max_connections,
                                     .construction_width = declaration_.construction_width,
                                     .seed = context.seed()};
    const VectorReader reader(vectors, declaration_.metric);
    const ByteCodec codec = ByteCodec::Train(reader, context);
    const std::string what = fmt::format("the graph of {} vectors", vectors.rows);
    const size_t code_bytes = ByteCodeArray::ByteSize(vectors.rows, codec);
    MemoryCharge charge(context.memory(),
                        code_bytes + GraphBuildBytes(ByteCodeArray::RowsOf(codec), vectors.rows,
                                                     parameters, context.executor().threads()),
                        what.c_str());
    const ByteCodeArray codes(reader, codec, context);
    const auto exact =
        ExactRows::IfTooCoarse(codes.rows(), vectors, declaration_.metric, kernels_, context);
    ByteCodeRows rows = codes.rows();
    if (exact) rows.exact = &*exact;
    const auto layers = BuildGraph(rows, vectors.rows, parameters, kernels_, context);
    charge.Resize(code_bytes + BytesOf(layers), what.c_str());
    WriteGraphFile(declaration_, vectors, layers, codec, rows, codes.errors(), context, out);
  }

 private:
  static constexpr size_t kCheckRows = 1024;

  // Names the first row that is unfit, whatever thread finds it first.
  void CheckAll(const VectorRows& vectors, const TaskContext& context) const {
    const size_t chunks = (vectors.rows + kCheckRows - 1) / kCheckRows;
    const auto check = [&](size_t chunk) {
      const size_t first = chunk * kCheckRows;
      CheckVectors(declaration_, vectors.Slice(first, std::min(kCheckRows, vectors.rows - first)),
                   first);
    };
    std::atomic<size_t> unfit = chunks;
    context.executor().ParallelFor(chunks, [&](size_t chunk) {
      context.CheckCancelled();
      try {
        check(chunk);
      } catch (const Error&) {
        for (size_t other = unfit; chunk < other && !unfit.compare_exchange_weak(other, chunk);) {
        }
      }
    });
    if (unfit < chunks) check(unfit);
  }

  const VectorSimilarityDeclaration declaration_;
  const size_t min_rows_for_graph_;
  const DistanceKernels& kernels_;
};

class VectorSimilarityIndex final : public SkipIndex {
 public:
  VectorSimilarityIndex(VectorSimilarityDeclaration declaration, std::string column,
                        size_t min_rows_for_graph, const DistanceKernels& kernels)
      : declaration_(std::move(declaration)),
        ability_{declaration_.metric, std::move(column), declaration_.dimensions,
                 declaration_.allows_empty},
        min_rows_for_graph_(min_rows_for_graph),
        kernels_(kernels) {}

  const VectorSearchAbility* vector_search() const override { return &ability_; }
  std::string description() const override { return declaration_.Description(); }

  void CheckRows(const Column& values, size_t first_row) const override {
    CheckVectors(declaration_, values, first_row);
  }

  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<VectorSubIndexBuilder>(declaration_, min_rows_for_graph_, kernels_);
  }

  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput& input) const override {
    return std::make_shared<VectorSubIndex>(GraphFile::Open(bytes, declaration_, *input.vectors),
                                            declaration_.metric, *input.vectors);
  }

 private:
  const VectorSimilarityDeclaration declaration_;
  const VectorSearchAbility ability_;
  const size_t min_rows_for_graph_;
  const DistanceKernels& kernels_;
};

}  // namespace

std::shared_ptr<const SkipIndex> VectorSimilarityKind::Declare(
    const IndexDeclaration& declaration, const TableSettings& settings) const {
  return std::make_shared<VectorSimilarityIndex>(
      VectorSimilarityDeclaration::Parse(declaration), declaration.expression->text(),
      settings.vector_index_min_rows_for_graph, kernels_);
}

}  // namespace granary
