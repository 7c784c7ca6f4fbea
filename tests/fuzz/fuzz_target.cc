#include "granary/tests/fuzz/fuzz_target.h"

#include <new>

#include "granary/table/error.h"
#include "granary/tests/fuzz/targets.h"

namespace granary::fuzz {

void Expect(bool holds, const std::function<std::string()>& what) {
  if (!holds) throw Finding(what());
}

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = [] {
    std::vector<Target> all;
    for (const auto add : {AddSqlTextTargets, AddStatementTargets, AddExpressionTargets,
                           AddFormatTargets, AddStorageTargets, AddSubIndexTargets}) {
      add(all);
    }
    return all;
  }();
  return targets;
}

const Target* FindTarget(std::string_view name) {
  for (const Target& target : Targets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

bool Try(const Target& target, Input input, std::string* refusal) {
  const std::string where = std::string(target.name) + ": ";
  try {
    return target.run(input);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kLogicalError) throw Finding(where + error.what());
    if (refusal != nullptr) *refusal = error.what();
    return false;
  } catch (const Finding& finding) {
    throw Finding(where + finding.what());
  } catch (const std::exception& exception) {
    throw Finding(where + "an exception that is no granary::Error: " + exception.what());
  }
}

Bytes ToBytes(std::string_view text) { return {text.begin(), text.end()}; }

Bytes ToBytes(std::span<const std::byte> bytes) {
  const auto* const begin = reinterpret_cast<const uint8_t*>(bytes.data());
  return {begin, begin + bytes.size()};
}

std::string_view ToText(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

std::span<const std::byte> ToStorage(Input input) { return std::as_bytes(input); }

std::vector<std::string> NoWords() { return {}; }

}  // namespace granary::fuzz
