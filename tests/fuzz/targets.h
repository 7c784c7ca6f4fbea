// The list of targets is made of these, one for each file; see fuzz_target.h.
#pragma once

#include <vector>

#include "granary/tests/fuzz/fuzz_target.h"

namespace granary::fuzz {

void AddSqlTextTargets(std::vector<Target>& targets);     // parser, statement_text
void AddStatementTargets(std::vector<Target>& targets);   // statement
void AddExpressionTargets(std::vector<Target>& targets);  // expression, aggregate, parameters
void AddFormatTargets(std::vector<Target>& targets);      // csv, ..., npy, vecs
void AddStorageTargets(std::vector<Target>& targets);     // frame, manifest, part, logs
void AddSubIndexTargets(std::vector<Target>& targets);    // pruning_index, vector_similarity

}  // namespace granary::fuzz
