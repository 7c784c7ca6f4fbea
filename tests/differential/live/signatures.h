// Which kinds of arguments each function takes, found by asking Granary's compiler about all of
// them: no function is written down here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "granary/query/expressions/expression_compiler.h"

namespace granary::differential {

// What an argument is made of: columns and literals of some types, or constant texts.
struct Slot {
  std::string name;
  std::vector<std::string> types;
  std::vector<std::string> constants;  // not empty: one of these
  std::vector<std::string> samples;    // what stands for the slot when it is tried
};
const std::vector<Slot>& Slots();

using Signature = std::vector<uint8_t>;  // indexes of Slots()

struct CallableFunction {
  std::string name;
  size_t min_arguments = 0;
  size_t max_arguments = 0;
  std::vector<Signature> signatures;  // that Granary takes
  bool takes_lambda = false;
  bool is_exact = true;
};

struct CallableAggregate {
  std::string name;
  struct Form {
    std::string parameters;  // "" or "(0.5)"
    Signature arguments;
  };
  std::vector<Form> forms;
  bool is_exact = true;
  bool depends_on_order = false;
};

// The columns of the table `plain` and their types.
const std::vector<std::pair<std::string, std::string>>& PlainColumns();
// With the columns of `plain`.
ExpressionScope PlainScope();

// Those among `names` (of ClickHouse) that Granary has, without functions whose results differ from
// run to run.
std::vector<CallableFunction> FindFunctions(const std::vector<std::string>& names);
std::vector<CallableAggregate> FindAggregates(const std::vector<std::string>& names);

}  // namespace granary::differential
