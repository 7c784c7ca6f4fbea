// The tables of the database `system`: what the engine knows of itself, as rows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/query/plan/plan.h"

namespace granary {

// The plan that reads system.<name>. Throws UNKNOWN_TABLE.
PlanPtr PlanSystemTable(std::string_view name);
std::vector<std::string> SystemTableNames();

}  // namespace granary
