// vectorSearchRecall(table, index[, k[, samples[, seed]]]): the recall of a vector index on the
// table's own data. Takes stored rows as queries, chosen by the seed, and searches the k nearest
// other rows of each one as a user's query would, and exactly.
#pragma once

#include <cstdint>
#include <string>

#include "granary/query/engine/tables.h"
#include "granary/query/plan/plan.h"
#include "granary/table/settings.h"

namespace granary {

struct RecallSampling {
  TablePtr table;
  std::string index;
  size_t k = 10;
  size_t samples = 100;
  uint64_t seed = 0;
};

// A row per part that has live rows, then one of all of them, whose part is 'total'. The columns:
//   part, index
//   rows         live rows
//   k
//   samples      rows of the part that were taken as queries; vectors that have no neighbours
//                (under cosineDistance: zeros) are not
//   neighbors    rows of the part that are among the k nearest of any of the queries
//   found        how many of them the searches found
//   recall       found / neighbors; NaN if there are none
//   lower, upper of the 95 % confidence interval of recall (Wilson's)
class RecallSamplingStep final : public PlanStep {
 public:
  RecallSamplingStep(RecallSampling sampling, std::shared_ptr<const QuerySettings> settings);

  // Throws what CheckRecallSampling throws.
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  const RecallSampling sampling_;
  const std::shared_ptr<const QuerySettings> settings_;
};

// Throws BAD_ARGUMENTS (no such index, none over vectors), INDEX_NOT_USED (switched off by the
// settings).
void CheckRecallSampling(const RecallSampling& sampling, const QuerySettings& settings,
                         StatementContext& context);

// The 95 % confidence interval of a probability of which `hits` of `trials` were seen; 0 to 1 if
// there were no trials.
struct ConfidenceInterval {
  double lower = 0;
  double upper = 1;
};
ConfidenceInterval WilsonInterval(size_t hits, size_t trials);

}  // namespace granary
