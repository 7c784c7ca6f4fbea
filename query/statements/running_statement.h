// A statement from its text to its last row: what stands behind Result.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "granary/query/engine/statement_context.h"
#include "granary/query/plan/plan.h"

namespace granary {

class ProcessList;

class RunningStatement {
 public:
  // Enters the process list; leaves it when the statement has ended.
  RunningStatement(std::unique_ptr<StatementContext> context,
                   std::function<void(const StatementProgress&)> on_progress);
  ~RunningStatement();

  StatementContext& context() { return *context_; }
  const StatementContext& context() const { return *context_; }

  // The plan of the result (null: no rows), its FORMAT, and where its rows go instead of to the
  // caller, if it has INTO OUTFILE.
  void Start(PlanPtr plan, std::string format, const std::string& outfile);
  std::optional<Block> Next();

  // Empty for statements that return no rows.
  const Header& columns() const;
  const std::optional<std::string>& format() const { return format_; }

 private:
  void WriteOutfile(const std::string& outfile);
  void Finish();

  std::unique_ptr<StatementContext> context_;
  PlanPtr plan_;
  BlockStreamPtr stream_;  // null before the first and after the last row
  bool is_finished_ = false;
  uint64_t rows_returned_ = 0;
  bool returns_rows_ = false;
  std::optional<std::string> format_;
};

}  // namespace granary
