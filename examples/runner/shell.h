// The interactive shell: statements that end with ';' (or \G for Vertical) over any number of
// lines, results with a line of counts and time below, errors without leaving.
#pragma once

#include <string>
#include <vector>

#include "granary/examples/runner/script_runner.h"

namespace granary::runner {

class Shell {
 public:
  // The runner outlives the shell.
  explicit Shell(ScriptRunner& runner) : runner_(runner) {}

  // Returns when the user leaves: exit, quit, \q or the end of the input.
  void Run();

 private:
  void RunText(const std::string& text);
  std::vector<std::string> CompletionWords();

  ScriptRunner& runner_;
};

}  // namespace granary::runner
