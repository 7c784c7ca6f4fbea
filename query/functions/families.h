// The families of functions; one Register function per file, all called by BuiltinFunctions().
#pragma once

#include "granary/query/functions/function_registry.h"

namespace granary {

void RegisterArithmetic(FunctionRegistry& registry);
void RegisterComparisons(FunctionRegistry& registry);
void RegisterLogic(FunctionRegistry& registry);
void RegisterConditionals(FunctionRegistry& registry);
void RegisterConversions(FunctionRegistry& registry);
void RegisterStrings(FunctionRegistry& registry);
void RegisterStringSearch(FunctionRegistry& registry);
void RegisterStringEncodings(FunctionRegistry& registry);
void RegisterDates(FunctionRegistry& registry);
void RegisterDateParts(FunctionRegistry& registry);
void RegisterMath(FunctionRegistry& registry);
void RegisterRounding(FunctionRegistry& registry);
void RegisterBits(FunctionRegistry& registry);
void RegisterArrays(FunctionRegistry& registry);
void RegisterArraySearch(FunctionRegistry& registry);
void RegisterHigherOrder(FunctionRegistry& registry);
void RegisterVectors(FunctionRegistry& registry);
void RegisterHashes(FunctionRegistry& registry);
void RegisterMiscellaneous(FunctionRegistry& registry);

}  // namespace granary
