// Values of each type that are likely to go wrong, as SQL.
#pragma once

#include <string>

#include "granary/table/types.h"
#include "random.h"

namespace granary::differential {

// As VALUES has them: 3, 'a', '2024-02-29', [1,2].
std::string RandomValue(const DataType& type, Random& random);

// As an expression of that type: toUInt8(3), [1,2]::Array(Int64).
std::string RandomLiteral(const DataType& type, Random& random);

}  // namespace granary::differential
