#include "granary/query/steps/recall_sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "granary/parts/part_reader.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/search/neighbor_batch.h"
#include "granary/query/search/recall.h"

namespace granary {
namespace {

constexpr size_t kSamplesAtOnce = 256;

Header SamplingHeader() {
  return {{"part", TypeId::kString},  {"index", TypeId::kString},   {"rows", TypeId::kUInt64},
          {"k", TypeId::kUInt64},     {"samples", TypeId::kUInt64}, {"neighbors", TypeId::kUInt64},
          {"found", TypeId::kUInt64}, {"recall", TypeId::kFloat64}, {"lower", TypeId::kFloat64},
          {"upper", TypeId::kFloat64}};
}

// What was seen of one part.
struct PartCounts {
  size_t samples = 0;
  size_t neighbors = 0;
  size_t found = 0;

  PartCounts& operator+=(const PartCounts& other) {
    samples += other.samples;
    neighbors += other.neighbors;
    found += other.found;
    return *this;
  }
};

struct SampledTable {
  PartSetPtr parts;
  const DeclaredIndex* index = nullptr;
};

SampledTable Resolve(const RecallSampling& sampling, const QuerySettings& settings,
                     StatementContext& context) {
  SampledTable sampled{.parts = context.Parts(*sampling.table)};
  std::string names;
  for (const DeclaredIndex& index : sampled.parts->indexes) {
    if (index.index->vector_search() == nullptr) continue;
    const std::string& name = index.declaration.name;
    if (name == sampling.index) sampled.index = &index;
    names += (names.empty() ? "" : ", ") + name;
  }
  if (sampled.index == nullptr) {
    throw Error(ErrorCode::kBadArguments,
                "Table " + sampling.table->name + " has no vector index '" + sampling.index +
                    "'; its vector indexes are: " + (names.empty() ? "none" : names));
  }
  if (!IsIndexAllowed(sampling.index, settings)) {
    throw Error(ErrorCode::kIndexNotUsed, "Index '" + sampling.index +
                                              "' is switched off by the settings, so that no query "
                                              "would use it");
  }
  return sampled;
}

// `count` different numbers below `total` (all of them if there are no more), ascending.
std::vector<uint64_t> DrawNumbers(uint64_t total, uint64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::set<uint64_t> drawn;
  // Floyd's method: each set of numbers is equally likely.
  for (uint64_t last = total - std::min(total, count); last < total; ++last) {
    if (!drawn.insert(random() % (last + 1)).second) drawn.insert(last);
  }
  return {drawn.begin(), drawn.end()};
}

// The live rows of a part that have a vector. Nothing: all its rows.
std::optional<RowBitmap> RowsToSample(const SelectedPart& selected, std::string_view column) {
  const StoredVectors* vectors = selected.part->Vectors(column);
  const PresentRows* present = vectors == nullptr ? nullptr : vectors->present();
  if (present == nullptr && selected.dead == nullptr) return std::nullopt;
  RowBitmap rows = present == nullptr ? RowBitmap(selected.part->rows(), true) : present->rows();
  if (selected.dead != nullptr) rows.AndNot(selected.dead->rows());
  return rows;
}

// The rows that have the given numbers among these.
std::vector<uint32_t> RowsAt(const std::optional<RowBitmap>& among,
                             std::span<const uint64_t> numbers) {
  std::vector<uint32_t> rows;
  if (!among) {
    rows.assign(numbers.begin(), numbers.end());
    return rows;
  }
  uint64_t number = 0;
  for (uint32_t row = 0; rows.size() < numbers.size(); ++row) {
    if (!among->Test(row)) continue;
    if (number++ == numbers[rows.size()]) rows.push_back(row);
  }
  return rows;
}

class RecallSampler {
 public:
  RecallSampler(SampledTable table, const RecallSampling& sampling, const QuerySettings& settings,
                StatementContext& context)
      : table_(std::move(table)),
        sampling_(sampling),
        settings_(settings),
        exact_settings_(settings),
        context_(context),
        selection_(AllGranules(*table_.parts)),
        counts_(selection_.parts.size()) {
    exact_settings_.force_data_skipping_indices.clear();
  }

  Block Run() {
    Draw();
    for (size_t begin = 0; begin < samples_.size(); begin += kSamplesAtOnce) {
      SearchNeighborsOf(
          std::span(samples_).subspan(begin, std::min(kSamplesAtOnce, samples_.size() - begin)));
    }
    return Report();
  }

 private:
  struct Sample {
    uint32_t part = 0;
    uint32_t row = 0;
    ColumnPtr vector;
  };

  void Draw() {
    const std::string& column = table_.index->index->vector_search()->column;
    std::vector<std::optional<RowBitmap>> among;
    std::vector<uint64_t> counts;
    for (const SelectedPart& selected : selection_.parts) {
      among.push_back(RowsToSample(selected, column));
      counts.push_back(among.back() ? among.back()->Count() : selected.part->rows());
    }
    const uint64_t total = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
    const std::vector<uint64_t> numbers = DrawNumbers(total, sampling_.samples, sampling_.seed);
    auto number = numbers.begin();
    uint64_t first = 0;
    for (uint32_t part = 0; part < selection_.parts.size(); ++part) {
      const SelectedPart& selected = selection_.parts[part];
      std::vector<uint64_t> of_part;
      for (; number != numbers.end() && *number < first + counts[part]; ++number) {
        of_part.push_back(*number - first);
      }
      first += counts[part];
      if (of_part.empty()) continue;
      const std::vector<uint32_t> rows = RowsAt(among[part], of_part);
      const ColumnPtr vectors =
          PartReader(selected.part, {column}, context_.task()).Gather(rows).column(0);
      for (size_t i = 0; i < rows.size(); ++i) {
        samples_.push_back({part, rows[i], vectors->Slice(i, 1)});
      }
    }
  }

  static uint64_t LiveRows(const SelectedPart& selected) {
    return selected.LiveRowsIn(selected.part->all_granules());
  }

  void SearchNeighborsOf(std::span<const Sample> samples) {
    const VectorSearchAbility& ability = *table_.index->index->vector_search();
    std::vector<DistanceQuery> queries;
    std::vector<const Sample*> sample_of;
    for (const Sample& sample : samples) {
      const bool is_double = sample.vector->type().element().id() == TypeId::kFloat64;
      DistanceQuery query(FunctionOf(ability.metric), ability.column, *sample.vector, is_double,
                          context_.functions().kernels);
      const bool is_cosine = query.function() == DistanceFunction::kCosine;
      if (!query.is_finite() || (is_cosine && query.is_zero())) continue;
      queries.push_back(std::move(query));
      sample_of.push_back(&sample);
    }
    const auto found = Search(queries, table_.index, settings_);
    const auto exact = Search(queries, nullptr, exact_settings_);
    for (size_t i = 0; i < queries.size(); ++i) {
      ++counts_[sample_of[i]->part].samples;
      const ChargedVector<RankedRow> others = Others(exact[i], *sample_of[i]);
      const std::vector<bool> is_found = FindExactRows(Others(found[i], *sample_of[i]), others);
      for (size_t rank = 0; rank < others.size(); ++rank) {
        PartCounts& counts = counts_[others[rank].part];
        ++counts.neighbors;
        counts.found += is_found[rank] ? 1 : 0;
      }
    }
  }

  std::vector<ChargedVector<RankedRow>> Search(std::span<const DistanceQuery> queries,
                                               const DeclaredIndex* index,
                                               const QuerySettings& settings) const {
    const RowFilter all_rows;
    // One more than is wanted: the row itself, if it is found, does not count.
    return NeighborBatch(table_.parts,
                         {.column = table_.index->index->vector_search()->column,
                          .count = sampling_.k + 1,
                          .index = index,
                          .filter = &all_rows,
                          .settings = &settings},
                         context_.task())
        .Search(queries);
  }

  ChargedVector<RankedRow> Others(ChargedVector<RankedRow> rows, const Sample& self) const {
    std::erase_if(
        rows, [&](const RankedRow& row) { return row.part == self.part && row.row == self.row; });
    rows.resize(std::min(rows.size(), sampling_.k));
    return rows;
  }

  Block Report() const {
    std::vector<std::unique_ptr<ColumnBuilder>> columns;
    for (const HeaderColumn& column : SamplingHeader()) {
      columns.push_back(ColumnBuilder::Create(column.type));
    }
    const auto add = [&](const std::string& part, uint64_t rows, const PartCounts& counts) {
      const ConfidenceInterval interval = WilsonInterval(counts.found, counts.neighbors);
      const double recall = counts.neighbors == 0 ? std::numeric_limits<double>::quiet_NaN()
                                                  : static_cast<double>(counts.found) /
                                                        static_cast<double>(counts.neighbors);
      const Value values[] = {Value(part),
                              Value(sampling_.index),
                              Value(rows),
                              Value(uint64_t{sampling_.k}),
                              Value(uint64_t{counts.samples}),
                              Value(uint64_t{counts.neighbors}),
                              Value(uint64_t{counts.found}),
                              Value(recall),
                              Value(interval.lower),
                              Value(interval.upper)};
      for (size_t i = 0; i < columns.size(); ++i) columns[i]->Append(values[i]);
    };
    PartCounts total;
    uint64_t rows = 0;
    for (size_t part = 0; part < counts_.size(); ++part) {
      const SelectedPart& selected = selection_.parts[part];
      add(selected.part->name_text(), LiveRows(selected), counts_[part]);
      total += counts_[part];
      rows += LiveRows(selected);
    }
    add("total", rows, total);
    Block block(counts_.size() + 1);
    const Header header = SamplingHeader();
    for (size_t i = 0; i < columns.size(); ++i) block.Add(header[i].name, columns[i]->Finish());
    return block;
  }

  const SampledTable table_;
  const RecallSampling& sampling_;
  const QuerySettings& settings_;
  QuerySettings exact_settings_;
  StatementContext& context_;
  const GranuleSelection selection_;  // parts as searches without a condition number them
  std::vector<Sample> samples_;
  std::vector<PartCounts> counts_;  // by part of the selection
};

}  // namespace

void CheckRecallSampling(const RecallSampling& sampling, const QuerySettings& settings,
                         StatementContext& context) {
  Resolve(sampling, settings, context);
}

ConfidenceInterval WilsonInterval(size_t hits, size_t trials) {
  if (trials == 0) return {};
  constexpr double kZ = 1.959963984540054;  // 97.5 % of a normal distribution lie below
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(hits) / n;
  const double scale = 1 / (1 + kZ * kZ / n);
  const double center = (p + kZ * kZ / (2 * n)) * scale;
  const double width = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n)) * scale;
  return {std::max(0.0, center - width), std::min(1.0, center + width)};
}

RecallSamplingStep::RecallSamplingStep(RecallSampling sampling,
                                       std::shared_ptr<const QuerySettings> settings)
    : PlanStep(SamplingHeader()), sampling_(std::move(sampling)), settings_(std::move(settings)) {}

BlockStreamPtr RecallSamplingStep::Open(StatementContext& context) const {
  return std::make_unique<DeferredStream>(
      [this, &context] {
        return RecallSampler(Resolve(sampling_, *settings_, context), sampling_, *settings_,
                             context)
            .Run();
      },
      settings_->max_block_size);
}

StepDescription RecallSamplingStep::Describe(StatementContext&, bool) const {
  return {"VectorSearchRecall (default." + sampling_.table->name + ")",
          {"Vector index: " + sampling_.index, "k: " + std::to_string(sampling_.k),
           "Samples: " + std::to_string(sampling_.samples)},
          {}};
}

}  // namespace granary
