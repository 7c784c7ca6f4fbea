// The targets of tests/fuzz under libFuzzer, all in one program:
//
//   build/fuzz/bin/granary_fuzz --target=csv [libFuzzer's options] corpus...
//   build/fuzz/bin/granary_fuzz --targets            their names
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "granary/tests/fuzz/fuzz_target.h"
#include "granary/tests/fuzz/mutator.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);

namespace granary::fuzz {
namespace {

const Target* chosen = nullptr;

void PrintTargets() {
  for (const Target& target : Targets()) {
    std::printf("%.*s\n", static_cast<int>(target.name.size()), target.name.data());
  }
}

void Choose(int argc, char** argv) {
  constexpr std::string_view kOption = "--target=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--targets") {
      PrintTargets();
      std::exit(0);
    }
    if (argument.starts_with(kOption)) chosen = FindTarget(argument.substr(kOption.size()));
  }
  if (chosen != nullptr) return;
  std::fprintf(stderr, "say which target with --target=NAME; --targets lists them\n");
  std::exit(2);
}

}  // namespace
}  // namespace granary::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  granary::fuzz::Choose(*argc, *argv);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace granary::fuzz;
  if (size > chosen->bytes_max) return -1;
  try {
    Try(*chosen, {data, size});
  } catch (const Finding& finding) {
    std::fprintf(stderr, "==find== %s\n", finding.what());
    std::abort();
  }
  return 0;
}

// Half of the changes are libFuzzer's own, which knows what comparisons have asked for; the others
// know the words of the target.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max,
                                          unsigned int seed) {
  using namespace granary::fuzz;
  static const std::vector<std::string> words = chosen->words();
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, size_max);
  const Bytes changed = Mutator(seed, words).Mutate({data, size}, {}, size_max);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
