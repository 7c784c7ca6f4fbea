// What the fuzzers try: a function for each kind of input that Granary takes from outside.
//
// The same targets run in two ways. Under libFuzzer (tests/fuzz/run.sh, Clang) they look for inputs
// that nobody thought of; as tests (replay_test.cc, any compiler) they replay the inputs kept in
// tests/fuzz/corpus/<name>/ and seeded mutations of them.
//
// A target may be given any bytes. What it does with them must end in a result or in an Error that
// a user could understand; a crash, a report of a sanitizer, a hang, a LOGICAL_ERROR, any other
// exception and a broken expectation (Finding) are finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace granary::fuzz {

using Bytes = std::vector<uint8_t>;
using Input = std::span<const uint8_t>;

// An input of the corpus and the name of its file.
struct Seed {
  std::string name;
  Bytes bytes;
};

// An expectation of a target that does not hold.
class Finding : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
void Expect(bool holds, const std::function<std::string()>& what);

struct Target {
  std::string_view name;
  // Tries one input; returns whether it was taken for a whole one: parsed, read, opened. Throws
  // granary::Error for one that was refused.
  bool (*run)(Input input) = nullptr;
  // What the corpus begins with: small inputs that are taken.
  std::vector<Seed> (*seeds)() = nullptr;
  // What mutations are made of besides bytes: keywords, magic numbers.
  std::vector<std::string> (*words)() = nullptr;
  // Longer inputs find nothing that shorter ones do not.
  size_t bytes_max = 4096;
  // How many changed inputs a test tries besides those of the corpus.
  uint64_t changes = 200;
};

// All there are, each with its name.
const std::vector<Target>& Targets();
// Null if there is none of that name.
const Target* FindTarget(std::string_view name);

// Runs a target on an input; returns what it returns, or false where it throws an Error that is no
// find, with its message in `refusal` (may be null). Throws Finding, which names the target.
bool Try(const Target& target, Input input, std::string* refusal = nullptr);

Bytes ToBytes(std::string_view text);
Bytes ToBytes(std::span<const std::byte> bytes);
std::string_view ToText(Input input);
std::span<const std::byte> ToStorage(Input input);
std::vector<std::string> NoWords();

}  // namespace granary::fuzz
