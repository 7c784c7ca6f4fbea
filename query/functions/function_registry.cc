#include "granary/query/functions/function_registry.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "granary/query/functions/families.h"

namespace granary {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Levenshtein distance without regard to case.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

// "2", "1 to 3", "at least 1", "any number"
std::string ArgumentCount(const FunctionDefinition& definition) {
  const size_t min = definition.min_arguments;
  const size_t max = definition.max_arguments;
  if (min == max) return fmt::format("{}", min);
  if (max == FunctionDefinition::kAnyNumber) {
    return min == 0 ? "any number" : fmt::format("at least {}", min);
  }
  return fmt::format("{} to {}", min, max);
}

void CheckArgumentCount(const FunctionDefinition& definition, std::string_view name, size_t given) {
  if (given >= definition.min_arguments && given <= definition.max_arguments) return;
  const std::string expected = ArgumentCount(definition);
  throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
              fmt::format("Function {} takes {} argument{}, not {}", name, expected,
                          expected == "1" ? "" : "s", given));
}

constexpr std::pair<std::string_view, void (*)(FunctionRegistry&)> kFamilies[] = {
    {"arithmetic", RegisterArithmetic},
    {"comparison", RegisterComparisons},
    {"logic", RegisterLogic},
    {"conditionals", RegisterConditionals},
    {"conversion", RegisterConversions},
    {"strings", RegisterStrings},
    {"search in strings", RegisterStringSearch},
    {"encodings", RegisterStringEncodings},
    {"dates", RegisterDates},
    {"parts of dates", RegisterDateParts},
    {"math", RegisterMath},
    {"rounding", RegisterRounding},
    {"bits", RegisterBits},
    {"arrays", RegisterArrays},
    {"search in arrays", RegisterArraySearch},
    {"higher-order", RegisterHigherOrder},
    {"vectors", RegisterVectors},
    {"hashes", RegisterHashes},
    {"others", RegisterMiscellaneous},
};

}  // namespace

void FunctionRegistry::Add(FunctionDefinition definition) {
  if (definition.case_insensitive) {
    lower_case_names_.emplace(LowerCase(definition.name), definition.name);
  }
  std::string name = definition.name;
  families_.emplace(name, family_);
  definitions_.emplace(std::move(name), std::move(definition));
}

void FunctionRegistry::AddAlias(std::string_view alias, std::string_view name,
                                bool case_insensitive) {
  aliases_.emplace(alias, name);
  if (case_insensitive) lower_case_names_.emplace(LowerCase(alias), name);
}

const FunctionDefinition* FunctionRegistry::Find(std::string_view name) const {
  if (const auto it = definitions_.find(name); it != definitions_.end()) return &it->second;
  if (const auto it = aliases_.find(name); it != aliases_.end()) return Find(it->second);
  if (const auto it = lower_case_names_.find(LowerCase(name)); it != lower_case_names_.end()) {
    return Find(it->second);
  }
  return nullptr;
}

const FunctionDefinition& FunctionRegistry::Get(std::string_view name) const {
  if (const FunctionDefinition* definition = Find(name)) return *definition;
  throw Error(ErrorCode::kUnknownFunction,
              fmt::format("Unknown function {}{}", name, CloseNamesHint(name, Names())));
}

Function FunctionRegistry::Bind(std::string_view name, std::span<const FunctionArgument> arguments,
                                const FunctionContext& context) const {
  const FunctionDefinition& definition = Get(name);
  CheckArgumentCount(definition, name, arguments.size());
  Function function = definition.bind(arguments, context);
  if (definition.kind == FunctionKind::kPerRow) function.set_varies_by_row();
  return function;
}

std::vector<std::string> FunctionRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, definition] : definitions_) names.push_back(name);
  for (const auto& [alias, name] : aliases_) names.push_back(alias);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<FunctionInfo> FunctionRegistry::Describe() const {
  std::vector<FunctionInfo> infos;
  for (const std::string& name : Names()) {
    const FunctionDefinition& definition = Get(name);
    const bool is_alias = !definitions_.contains(name);
    infos.push_back({.name = name,
                     .alias_to = is_alias ? definition.name : "",
                     .family = families_.find(definition.name)->second,
                     .arguments = ArgumentCount(definition),
                     .case_insensitive = lower_case_names_.contains(LowerCase(name))});
  }
  return infos;
}

const FunctionRegistry& BuiltinFunctions() {
  static const FunctionRegistry* const registry = [] {
    auto* functions = new FunctionRegistry;
    for (const auto& [family, add] : kFamilies) {
      functions->BeginFamily(family);
      add(*functions);
    }
    return functions;
  }();
  return *registry;
}

std::string CloseNamesHint(std::string_view name, std::span<const std::string> names) {
  const std::string lower = LowerCase(name);
  const size_t limit = std::clamp<size_t>((lower.size() + 2) / 3, 1, 4);
  std::vector<std::pair<size_t, std::string_view>> close;
  for (const std::string& candidate : names) {
    const size_t distance = EditDistance(lower, LowerCase(candidate));
    if (distance <= limit) close.emplace_back(distance, candidate);
  }
  std::sort(close.begin(), close.end());
  if (close.size() > 3) close.resize(3);
  std::string hint;
  for (const auto& [distance, candidate] : close) {
    hint += hint.empty() ? ": maybe you meant " : ", ";
    hint += candidate;
  }
  return hint;
}

}  // namespace granary
