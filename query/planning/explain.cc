#include "granary/query/planning/explain.h"

#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/planning/planner.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/steps/plan_steps.h"

namespace granary {
namespace {

struct ExplainOptions {
  bool description = true;
  bool header = false;
  bool actions = false;
  bool indexes = false;
};

bool ReadFlag(const sql::SettingChange& change) {
  const Value& value = change.value;
  const bool is_flag = value.is_uint() && value.as_uint() <= 1;
  if (!is_flag) {
    throw Error(ErrorCode::kInvalidSettingValue,
                "Option '" + change.name + "' of EXPLAIN is 0 or 1");
  }
  return value.as_uint() == 1;
}

ExplainOptions ReadOptions(const std::vector<sql::SettingChange>& changes) {
  ExplainOptions options;
  for (const sql::SettingChange& change : changes) {
    if (change.name == "header") {
      options.header = ReadFlag(change);
    } else if (change.name == "actions") {
      options.actions = ReadFlag(change);
    } else if (change.name == "indexes") {
      options.indexes = ReadFlag(change);
    } else if (change.name == "description") {
      options.description = ReadFlag(change);
    } else if (change.name == "json" || change.name == "pretty" || change.name == "compact") {
      if (!ReadFlag(change)) continue;
      throw Error(ErrorCode::kNotImplemented, "EXPLAIN " + change.name + " = 1 is not implemented");
    } else {
      throw Error(ErrorCode::kUnknownSetting, "Unknown option of EXPLAIN '" + change.name +
                                                  "'; there are description, header, actions and "
                                                  "indexes");
    }
  }
  return options;
}

class PlanPrinter {
 public:
  PlanPrinter(const ExplainOptions& options, StatementContext& context)
      : options_(options), context_(context) {}

  void Print(const PlanStep& step, size_t depth) {
    const StepDescription description = step.Describe(context_, options_.indexes);
    const std::string indent(2 * depth, ' ');
    // Behind the kind of the step, in brackets, stands what it is for.
    const size_t end = options_.description ? std::string::npos : description.title.find(" (");
    lines_.push_back(indent + description.title.substr(0, end));
    if (options_.header) {
      for (const HeaderColumn& column : step.header()) {
        const bool is_first = &column == step.header().data();
        lines_.push_back(indent + (is_first ? "Header: " : "        ") + column.name + " " +
                         column.type.name());
      }
    }
    // What decides how a table is read is always shown.
    if (options_.actions || step.inputs().empty() || description.reads_table) {
      for (const std::string& line : description.details) lines_.push_back(indent + line);
    }
    for (const std::string& line : description.indexes) lines_.push_back(indent + line);
    for (const PlanPtr& input : step.inputs()) Print(*input, depth + 1);
  }

  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  const ExplainOptions& options_;
  StatementContext& context_;
  std::vector<std::string> lines_;
};

PlanPtr LinesPlan(const std::vector<std::string>& lines) {
  auto column = ColumnBuilder::Create(TypeId::kString);
  for (const std::string& line : lines) column->Append(Value(line));
  Block block(lines.size());
  block.Add("explain", column->Finish());
  return std::make_shared<BlockStep>(Header{{"explain", TypeId::kString}}, std::move(block),
                                     "Explain");
}

void AddRecall(const PlanStep& step, StatementContext& context, std::vector<std::string>& lines) {
  for (std::string& line : step.DescribeRecall(context)) lines.push_back(std::move(line));
  for (const PlanPtr& input : step.inputs()) AddRecall(*input, context, lines);
}

// Why the tables of the plan are not searched for neighbours, as far as EXPLAIN says it.
std::string ReasonAgainstSearch(const PlanStep& step, StatementContext& context) {
  constexpr std::string_view kNotUsed = "Vector index: not used, ";
  for (const std::string& line : step.Describe(context, false).details) {
    if (line.rfind(kNotUsed, 0) == 0) return line.substr(kNotUsed.size());
  }
  for (const PlanPtr& input : step.inputs()) {
    std::string reason = ReasonAgainstSearch(*input, context);
    if (!reason.empty()) return reason;
  }
  return {};
}

std::vector<std::string> DescribeRecall(const PlanStep& plan, StatementContext& context) {
  std::vector<std::string> lines;
  AddRecall(plan, context, lines);
  if (!lines.empty()) return lines;
  const std::string reason = ReasonAgainstSearch(plan, context);
  throw Error(
      ErrorCode::kIncorrectQuery,
      "EXPLAIN RECALL is about nearest-neighbour searches: SELECT ... FROM a table ORDER "
      "BY the distance of a vector column to a constant vector LIMIT k. This query is none" +
          (reason.empty() ? "" : ": " + reason));
}

}  // namespace

PlanPtr PlanExplain(const sql::ExplainStatement& statement, StatementContext& context) {
  using What = sql::ExplainStatement::What;
  if (statement.what == What::kSyntax) {
    return LinesPlan({sql::FormatQuery(*statement.query)});
  }
  if (statement.what != What::kPlan && statement.what != What::kRecall) {
    throw Error(ErrorCode::kNotImplemented,
                "Of EXPLAIN there are EXPLAIN [PLAN], EXPLAIN SYNTAX and EXPLAIN RECALL");
  }
  const bool is_recall = statement.what == What::kRecall;
  if (is_recall && !statement.options.empty()) {
    throw Error(ErrorCode::kUnknownSetting, "EXPLAIN RECALL has no options");
  }
  const ExplainOptions options = ReadOptions(statement.options);
  const PlanPtr plan = Planner(&context).PlanQuery(*statement.query);
  if (is_recall) return LinesPlan(DescribeRecall(*plan, context));
  PlanPrinter printer(options, context);
  printer.Print(*plan, 0);
  return LinesPlan(printer.Take());
}

}  // namespace granary
