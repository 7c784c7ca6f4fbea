// Which vectors an index can hold.
#pragma once

#include <cstddef>

#include "granary/skipindex/vector_similarity/declaration.h"
#include "granary/table/column.h"
#include "granary/table/vector_rows.h"

namespace granary {

// Throws INCORRECT_DATA that names the first row (counted from first_row) that is empty, unless the
// declaration allows that; whose length is not the declared one or, where none is declared, not
// that of the others (or, under b1, no multiple of 8); that has a NaN or infinite value; or that is
// all zeros where the declaration cannot hold such (i8 under cosineDistance). `values` is of a
// float array type.
void CheckVectors(const VectorSimilarityDeclaration& declaration, const Column& values,
                  size_t first_row);

// The same for rows that already have one length.
void CheckVectors(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                  size_t first_row);

}  // namespace granary
