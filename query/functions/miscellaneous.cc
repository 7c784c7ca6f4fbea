// toTypeName, materialize, currentDatabase and other functions about the query itself.
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

Function ConstantText(std::string text) {
  return {TypeId::kString, [text = std::move(text)](std::span<const ColumnPtr>, size_t rows) {
            return MakeConstant(TypeId::kString, text, rows);
          }};
}

Function BindToTypeName(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  return ConstantText(arguments[0].type.name());
}

Function BindCurrentDatabase(std::span<const FunctionArgument>, const FunctionContext& context) {
  return ConstantText(context.current_database);
}

Function BindTimeZone(std::span<const FunctionArgument>, const FunctionContext&) {
  return ConstantText("UTC");
}

Function BindFirstArgument(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  return {arguments[0].type, [](std::span<const ColumnPtr> values, size_t) { return values[0]; }};
}

// As kind kPerRow, so that not even a constant is known when the statement is compiled.
Function BindMaterialize(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  return {arguments[0].type,
          [](std::span<const ColumnPtr> values, size_t) { return values[0]->Materialize(); }};
}

Function BindIgnore(std::span<const FunctionArgument>, const FunctionContext&) {
  return {TypeId::kUInt8, [](std::span<const ColumnPtr>, size_t rows) {
            return MakeConstant(TypeId::kUInt8, uint64_t{0}, rows);
          }};
}

}  // namespace

void RegisterMiscellaneous(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  constexpr auto kPlain = FunctionKind::kPlain;
  registry.Add({"toTypeName", 1, 1, BindToTypeName});
  registry.Add({"currentDatabase", 0, 0, BindCurrentDatabase, FunctionKind::kPerStatement, true});
  registry.AddAlias("database", "currentDatabase", true);
  registry.Add({"timeZone", 0, 0, BindTimeZone, kPlain, true});
  registry.Add({"identity", 1, 1, BindFirstArgument});
  registry.Add({"materialize", 1, 1, BindMaterialize, FunctionKind::kPerRow});
  registry.Add({"ignore", 0, kAnyNumber, BindIgnore});
  // Without NULLs the first argument is never missing.
  registry.Add({"ifNull", 2, 2, BindFirstArgument, kPlain, true});
  registry.Add({"coalesce", 1, kAnyNumber, BindFirstArgument, kPlain, true});
  registry.Add({"assumeNotNull", 1, 1, BindFirstArgument});
}

}  // namespace granary
