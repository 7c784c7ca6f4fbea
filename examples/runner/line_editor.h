// One line of input at a time, with editing, history and completion (libedit).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace granary::runner {

class LineEditor {
 public:
  // Words that may follow; asked when the user presses the tabulator key.
  using Words = std::function<std::vector<std::string>()>;

  // History is read from and appended to the file, if the name is not empty.
  LineEditor(std::string history_file, Words words);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  enum class Ending { kLine, kEndOfInput, kInterrupted };
  // Puts the next line, without its end, into `line`.
  Ending Read(const std::string& prompt, std::string& line);

  void AddToHistory(const std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What of `words` begins with the last word of `line` (in any case): the characters to add if they
// all go on in the same way, which may be none, and the choices.
struct Completion {
  std::string typed;  // the last word
  std::string added;
  std::vector<std::string> choices;
};
Completion Complete(std::string_view line, const std::vector<std::string>& words);

}  // namespace granary::runner
