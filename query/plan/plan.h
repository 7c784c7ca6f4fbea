// The plan of a query: a tree of immutable steps. A step knows the columns it delivers and, given a
// statement to run in, opens a stream of blocks; opening takes the part sets that the statement
// sees, so that a plan may be opened many times. EXPLAIN prints the same tree.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/query/formats/header.h"
#include "granary/query/plan/block_stream.h"

namespace granary {

class StatementContext;

// What EXPLAIN shows of a step: a line, lines below it, and the steps it reads from.
struct StepDescription {
  std::string title;
  std::vector<std::string> details;
  // With EXPLAIN indexes = 1; indented by the step itself.
  std::vector<std::string> indexes;
  // The details decide how a table is read: shown without actions = 1 too.
  bool reads_table = false;
};

class PlanStep {
 public:
  virtual ~PlanStep() = default;

  // The columns of the blocks, in order.
  const Header& header() const { return header_; }
  const std::vector<std::shared_ptr<const PlanStep>>& inputs() const { return inputs_; }

  // The stream keeps references to the step and the context.
  virtual BlockStreamPtr Open(StatementContext& context) const = 0;
  // `with_indexes`: takes a part set and prunes it as a run would.
  virtual StepDescription Describe(StatementContext& context, bool with_indexes) const = 0;
  // For EXPLAIN RECALL: runs the nearest-neighbour search of this step as planned and exactly and
  // says how they differ. Nothing if the step is no such search.
  virtual std::vector<std::string> DescribeRecall(StatementContext&) const { return {}; }

 protected:
  PlanStep(Header header, std::vector<std::shared_ptr<const PlanStep>> inputs = {})
      : header_(std::move(header)), inputs_(std::move(inputs)) {}

 private:
  Header header_;
  std::vector<std::shared_ptr<const PlanStep>> inputs_;
};
using PlanPtr = std::shared_ptr<const PlanStep>;

// Column names of a header.
std::vector<std::string> ColumnNames(const Header& header);

}  // namespace granary
