// The families of functions; one Register function per file, all called by BuiltinFunctions().
#pragma once

#include "granary/query/functions/function_registry.h"

namespace granary {

void RegisterArithmetic(FunctionRegistry& registry);
void RegisterComparisons(FunctionRegistry& registry);
void RegisterLogic(FunctionRegistry& registry);
void RegisterConditionals(FunctionRegistry& registry);
void RegisterConversions(FunctionRegistry& registry);
void RegisterStringSearch(FunctionRegistry& registry);

}  // namespace granary
