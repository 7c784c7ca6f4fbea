#include "granary/query/planning/sources/recall_function.h"

#include "granary/query/engine/statement_context.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/planning/sources/table_functions.h"
#include "granary/query/steps/recall_sampling.h"

namespace granary {
namespace {

constexpr size_t kSamplesMax = 1000000;

std::string NameArgument(const sql::ExprPtr& argument, const PlannerScope& scope) {
  const auto* identifier = sql::As<sql::Identifier>(*argument);
  if (identifier != nullptr && identifier->parts.size() == 1) return identifier->parts.front();
  const TypedValue value = ConstantArgument(argument, scope);
  if (value.value.is_string()) return value.value.as_string();
  throw Error(ErrorCode::kBadArguments,
              "vectorSearchRecall takes the names of a table and of its index, not " +
                  ValueToSql(value.value, value.type));
}

uint64_t NumberArgument(const sql::ExprPtr& argument, const PlannerScope& scope, const char* what,
                        uint64_t least, uint64_t most) {
  const TypedValue value = ConstantArgument(argument, scope);
  if (value.value.is_uint() && value.value.as_uint() >= least && value.value.as_uint() <= most) {
    return value.value.as_uint();
  }
  throw Error(ErrorCode::kBadArguments, std::string(what) +
                                            " of vectorSearchRecall is an integer from " +
                                            std::to_string(least) + " to " + std::to_string(most) +
                                            ", not " + ValueToSql(value.value, value.type));
}

}  // namespace

PlanPtr PlanRecallSampling(const sql::Function& function, const PlannerScope& scope) {
  const std::vector<sql::ExprPtr>& arguments = function.arguments;
  if (arguments.size() < 2 || arguments.size() > 5) {
    throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                "Table function vectorSearchRecall is called as "
                "vectorSearchRecall('table', 'index'[, k[, samples[, seed]]])");
  }
  const std::string table = NameArgument(arguments[0], scope);
  RecallSampling sampling{.table = ResolveTable({.database = {}, .table = table}, *scope.context),
                          .index = NameArgument(arguments[1], scope)};
  if (arguments.size() > 2) {
    sampling.k = NumberArgument(arguments[2], scope, "k", 1,
                                scope.settings->max_limit_for_vector_search_queries);
  }
  if (arguments.size() > 3) {
    sampling.samples = NumberArgument(arguments[3], scope, "The number of samples", 1, kSamplesMax);
  }
  if (arguments.size() > 4) {
    sampling.seed = NumberArgument(arguments[4], scope, "The seed", 0, UINT64_MAX);
  }
  CheckRecallSampling(sampling, *scope.settings, *scope.context);
  return std::make_shared<RecallSamplingStep>(std::move(sampling), scope.settings);
}

}  // namespace granary
