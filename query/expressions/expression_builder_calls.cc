// Calls that are more than a function of values: INTERVAL, lambdas, aggregate functions.
#include <algorithm>

#include <fmt/format.h>

#include "granary/query/expressions/expression_builder.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

// x, or (x, y)
std::string ParameterText(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + sql::QuoteIdentifier(name);
  }
  return names.size() == 1 ? text : "(" + text + ")";
}

}  // namespace

ExpressionNodePtr ExpressionBuilder::CompileInterval(const sql::Function& function) {
  constexpr std::string_view kPrefix = "toInterval";
  const bool is_plus = function.name == "plus";
  const bool is_start = function.name == "toStartOfInterval";
  if (!is_plus && !is_start && function.name != "minus") return nullptr;
  if (function.arguments.size() != 2) return nullptr;
  const auto as_interval = [&](size_t index) -> const sql::Function* {
    const auto* interval = sql::As<sql::Function>(*function.arguments[index]);
    const bool matches = interval != nullptr && interval->name.starts_with(kPrefix) &&
                         interval->arguments.size() == 1;
    return matches ? interval : nullptr;
  };
  size_t date = 0;
  const sql::Function* interval = as_interval(1);
  if (interval == nullptr && is_plus) {
    interval = as_interval(0);
    date = 1;
  }
  if (interval == nullptr) return nullptr;
  const std::string unit = interval->name.substr(kPrefix.size());
  if (is_start) {
    const ColumnPtr name = StoredRows(MakeConstant(TypeId::kString, unit, 1));
    return Call("toStartOfInterval",
                {Compile(*function.arguments[0]), Compile(*interval->arguments[0]),
                 Intern(std::make_shared<ConstantNode>(name, "'" + unit + "'"))});
  }
  return Call((is_plus ? "add" : "subtract") + unit + "s",
              {Compile(*function.arguments[date]), Compile(*interval->arguments[0])});
}

std::vector<ExpressionNodePtr> ExpressionBuilder::CompileArrays(const sql::Function& function) {
  std::vector<ExpressionNodePtr> arrays;
  for (size_t i = 1; i < function.arguments.size(); ++i) {
    arrays.push_back(Compile(*function.arguments[i]));
    if (arrays.back()->type().is_array()) continue;
    throw Error(ErrorCode::kIllegalTypeOfArgument,
                fmt::format("Argument {} of function {} must be an array, not {}", i + 1,
                            function.name, arrays.back()->type().name()));
  }
  const size_t parameters = sql::As<sql::Lambda>(*function.arguments[0])->arguments.size();
  if (arrays.size() != parameters) {
    throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                fmt::format("The lambda of function {} has {} arguments, but there are {} arrays",
                            function.name, parameters, arrays.size()));
  }
  return arrays;
}

LambdaBody ExpressionBuilder::CompileLambda(const sql::Lambda& syntax,
                                            const std::vector<ExpressionNodePtr>& arrays) {
  Level level;
  LambdaBody lambda;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const std::string name = UnusedName(syntax.arguments[i]);
    level.parameters.emplace_back(syntax.arguments[i],
                                  ScopeColumn{name, arrays[i]->type().element()});
    lambda.parameters.push_back(name);
  }
  levels_.push_back(std::move(level));
  const Restore<bool> visible(are_lambda_parameters_visible_, true);
  const Restore<size_t> guarded(guarded_, guarded_ + 1);
  return FinishLambda(std::move(lambda.parameters), Compile(*syntax.body));
}

LambdaBody ExpressionBuilder::FinishLambda(std::vector<std::string> parameters,
                                           ExpressionNodePtr root) {
  LambdaBody lambda;
  lambda.parameters = std::move(parameters);
  lambda.root = std::move(root);
  lambda.slots = levels_.back().slots;
  levels_.pop_back();
  for (const std::string& column : lambda.root->required_columns()) {
    if (std::find(lambda.parameters.begin(), lambda.parameters.end(), column) ==
        lambda.parameters.end()) {
      lambda.captured.push_back(column);
    }
  }
  return lambda;
}

ExpressionNodePtr ExpressionBuilder::CompileHigherOrder(const FunctionDefinition& definition,
                                                        const sql::Function& function) {
  std::vector<ExpressionNodePtr> arrays = CompileArrays(function);
  LambdaBody lambda = CompileLambda(*sql::As<sql::Lambda>(*function.arguments[0]), arrays);
  return CallWithLambda(definition, std::move(lambda), std::move(arrays));
}

ExpressionNodePtr ExpressionBuilder::CallWithLambda(const FunctionDefinition& definition,
                                                    LambdaBody lambda,
                                                    std::vector<ExpressionNodePtr> arrays) {
  std::vector<FunctionArgument> arguments = ArgumentsOf(arrays);
  arguments.insert(arguments.begin(), {DataType::Array(lambda.root->type()), nullptr});
  granary::Function bound = functions_.Bind(definition.name, arguments, scope_.context);
  std::string text = fmt::format("{}({} -> {}", definition.name, ParameterText(lambda.parameters),
                                 lambda.root->text());
  for (const ExpressionNodePtr& array : arrays) text += ", " + array->text();
  auto node = std::make_shared<LambdaNode>(definition.name, std::move(bound), std::move(lambda),
                                           std::move(arrays), text + ")");
  if (ColumnPtr value = FoldLambda(*node)) {
    const ExpressionNodePtr call = std::move(node);
    return Constant(std::move(value), call->text(), std::span(&call, 1));
  }
  return Intern(std::move(node));
}

ColumnPtr ExpressionBuilder::FoldLambda(const ExpressionNode& node) const {
  if (!node.is_deterministic() || !node.required_columns().empty()) return nullptr;
  const Block one_row(1);
  EvaluationFrame frame(one_row, levels_.back().slots);
  try {
    return StoredRows(node.Compute(frame));
  } catch (const Error&) {
    if (guarded_ == 0) throw;
    return nullptr;
  }
}

void ExpressionBuilder::RequireAggregationAllowed(const sql::Function& function) const {
  if (scope_.aggregates != nullptr && !is_inside_aggregate_) return;
  throw Error(ErrorCode::kIllegalAggregation,
              fmt::format("Aggregate function {} cannot stand {}", sql::ColumnName(function),
                          is_inside_aggregate_ ? "inside another aggregate function" : "here"));
}

ExpressionNodePtr ExpressionBuilder::CompileAggregate(const sql::Function& function) {
  RequireAggregationAllowed(function);
  AggregateCall call;
  call.name = function.name;
  std::vector<Value> parameters;
  std::vector<std::string> parameter_texts, argument_texts;
  std::vector<ExpressionNodePtr> sources;
  for (const sql::ExprPtr& parameter : function.parameters) {
    const CompiledExpressionPtr compiled = CompileExpression(*parameter, scope_);
    const TypedValue value = EvaluateConstant(*compiled);
    sources.push_back(compiled->root());
    parameter_texts.push_back(ValueToSql(value.value, value.type));
    parameters.push_back(value.value);
  }
  std::vector<DataType> types;
  for (const sql::ExprPtr& argument : function.arguments) {
    if (argument->kind == sql::ExprKind::kAsterisk) continue;
    ExpressionBuilder builder(scope_);
    builder.is_inside_aggregate_ = true;
    call.arguments.push_back(builder.Finish(builder.Compile(*argument)));
    sources.push_back(call.arguments.back()->root());
    argument_texts.push_back(call.arguments.back()->text());
    types.push_back(call.arguments.back()->type());
  }
  call.text =
      fmt::format("{}{}({}{})", function.name,
                  parameters.empty() ? "" : fmt::format("({})", fmt::join(parameter_texts, ", ")),
                  function.distinct ? "DISTINCT " : "", fmt::join(argument_texts, ", "));
  call.function = BindAggregateFunction(function.name, parameters, types, function.distinct);
  auto node = std::make_shared<ColumnNode>(call.text, call.function->result_type(), call.text);
  for (const ExpressionNodePtr& source : sources) node->InheritParameters(*source);
  const bool is_known =
      std::any_of(scope_.aggregates->begin(), scope_.aggregates->end(),
                  [&](const AggregateCall& known) { return known.text == call.text; });
  if (!is_known) scope_.aggregates->push_back(std::move(call));
  return Intern(std::move(node));
}

}  // namespace granary
