// All SQL functions by name. To add one, write a binder (FunctionArgument types in, Function out)
// in the file of its family, and a line for it in that file's Register function.
//
// Names are case-sensitive but for those that ClickHouse takes in any case (lower, if, coalesce,
// abs ...). The registry is immutable once built; BuiltinFunctions() may be used from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/functions/function.h"

namespace granary {

// Binds argument types (and values, where they are constants). The number of arguments has been
// checked. Throws ILLEGAL_TYPE_OF_ARGUMENT, ILLEGAL_COLUMN (a constant is needed), ...
using FunctionBinder =
    std::function<Function(std::span<const FunctionArgument> arguments, const FunctionContext&)>;

// What the compiler may do with a function.
enum class FunctionKind : uint8_t {
  kPlain,         // the same arguments give the same result: foldable
  kPerStatement,  // the same within a statement (now, today): folded if the statement is known
  kPerRow,        // may differ for every row (rand): never folded
  // The first argument may be a lambda over the elements of the arrays that follow. It is handed
  // over as an array of its results, aligned with those; without a lambda the first array stands
  // for its own results. Otherwise as kPlain.
  kHigherOrder,
};

struct FunctionDefinition {
  static constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();

  std::string name;  // canonical
  size_t min_arguments = 0;
  size_t max_arguments = kAnyNumber;
  FunctionBinder bind;
  FunctionKind kind = FunctionKind::kPlain;
  bool case_insensitive = false;
};

// A name of a function, as system.functions shows it.
struct FunctionInfo {
  std::string name;
  std::string alias_to;   // the canonical name; empty if this is it
  std::string family;     // "arithmetic", "dates" ...
  std::string arguments;  // how many: "2", "1 to 3", "at least 1"
  bool case_insensitive = false;
};

class FunctionRegistry {
 public:
  // What is added from now on belongs to this family.
  void BeginFamily(std::string_view family) { family_ = family; }
  // The name must be new.
  void Add(FunctionDefinition definition);
  // `name` must be known; `alias` is new.
  void AddAlias(std::string_view alias, std::string_view name, bool case_insensitive = false);

  // nullptr if there is none; the definition lives as long as the registry.
  const FunctionDefinition* Find(std::string_view name) const;
  // Throws UNKNOWN_FUNCTION with the names that are close.
  const FunctionDefinition& Get(std::string_view name) const;
  // Looks up, checks the number of arguments (NUMBER_OF_ARGUMENTS_DOESNT_MATCH) and binds.
  Function Bind(std::string_view name, std::span<const FunctionArgument> arguments,
                const FunctionContext& context) const;
  // Canonical names and aliases, sorted.
  std::vector<std::string> Names() const;
  // The same with what is known of each.
  std::vector<FunctionInfo> Describe() const;

 private:
  std::string family_;
  std::map<std::string, FunctionDefinition, std::less<>> definitions_;
  std::map<std::string, std::string, std::less<>> families_;          // of canonical names
  std::map<std::string, std::string, std::less<>> aliases_;           // to canonical names
  std::map<std::string, std::string, std::less<>> lower_case_names_;  // of those in any case
};

// The functions that Granary comes with.
const FunctionRegistry& BuiltinFunctions();

// Up to three of `names` that are a typo away from `name`, for "maybe you meant" messages; as
// text: ": maybe you meant a, b", or empty.
std::string CloseNamesHint(std::string_view name, std::span<const std::string> names);

}  // namespace granary
