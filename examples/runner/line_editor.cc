#include "granary/examples/runner/line_editor.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include "granary/examples/runner/interrupt.h"

namespace granary::runner {
namespace {

constexpr int kHistoryEntriesMax = 10000;
constexpr size_t kChoicesShownMax = 100;

bool IsWordChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool StartsWithIgnoringCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(),
                                                    [](unsigned char a, unsigned char b) {
                                                      return std::tolower(a) == std::tolower(b);
                                                    });
}

}  // namespace

Completion Complete(std::string_view line, const std::vector<std::string>& words) {
  size_t begin = line.size();
  while (begin > 0 && IsWordChar(line[begin - 1])) --begin;
  Completion completion{.typed = std::string(line.substr(begin))};
  if (completion.typed.empty()) return completion;
  for (const std::string& word : words) {
    if (StartsWithIgnoringCase(word, completion.typed)) completion.choices.push_back(word);
  }
  std::ranges::sort(completion.choices);
  const auto repeated = std::ranges::unique(completion.choices);
  completion.choices.erase(repeated.begin(), repeated.end());
  if (completion.choices.empty()) return completion;
  completion.added = completion.choices[0].substr(completion.typed.size());
  for (const std::string& choice : completion.choices) {
    const std::string rest = choice.substr(completion.typed.size());
    const auto differs = std::ranges::mismatch(completion.added, rest).in1;
    completion.added.erase(differs, completion.added.end());
  }
  return completion;
}

struct LineEditor::State {
  std::string history_file;
  Words words;
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event{};

  static State& Of(EditLine* editor) {
    void* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return *static_cast<State*>(state);
  }
  static char* Prompt(EditLine* editor) { return Of(editor).prompt.data(); }
  static unsigned char CompleteWord(EditLine* editor, int);
};

unsigned char LineEditor::State::CompleteWord(EditLine* editor, int) {
  const LineInfo* info = el_line(editor);
  const std::string_view line(info->buffer, static_cast<size_t>(info->cursor - info->buffer));
  const Completion completion = Complete(line, Of(editor).words());
  if (completion.choices.empty()) return CC_REFRESH_BEEP;
  if (!completion.added.empty()) {
    el_insertstr(editor, completion.added.c_str());
    return CC_REFRESH;
  }
  if (completion.choices.size() == 1) return CC_NORM;
  std::putchar('\n');
  for (size_t i = 0; i < std::min(completion.choices.size(), kChoicesShownMax); ++i) {
    std::printf("%s  ", completion.choices[i].c_str());
  }
  std::putchar('\n');
  std::fflush(stdout);
  return CC_REDISPLAY;
}

LineEditor::LineEditor(std::string history_file, Words words) : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.history_file = std::move(history_file);
  state.words = std::move(words);
  state.editor = el_init("granary", stdin, stdout, stderr);
  state.history = history_init();
  history(state.history, &state.event, H_SETSIZE, kHistoryEntriesMax);
  history(state.history, &state.event, H_SETUNIQUE, 1);
  if (!state.history_file.empty()) {
    history(state.history, &state.event, H_LOAD, state.history_file.c_str());
  }
  el_set(state.editor, EL_CLIENTDATA, &state);
  el_set(state.editor, EL_PROMPT, &State::Prompt);
  el_set(state.editor, EL_EDITOR, "emacs");
  el_set(state.editor, EL_HIST, history, state.history);
  el_set(state.editor, EL_ADDFN, "granary-complete", "Complete the word", &State::CompleteWord);
  el_set(state.editor, EL_BIND, "^I", "granary-complete", nullptr);
  el_set(state.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(state.editor, nullptr);
}

LineEditor::~LineEditor() {
  history_end(state_->history);
  el_end(state_->editor);
}

LineEditor::Ending LineEditor::Read(const std::string& prompt, std::string& line) {
  state_->prompt = prompt;
  TakeInterrupt();
  // el_gets prints the prompt before it takes the terminal over: a Ctrl-D typed in between would end nothing.
  el_set(state_->editor, EL_PREP_TERM, 1);
  int count = 0;
  const char* text = el_gets(state_->editor, &count);
  if (TakeInterrupt()) {
    el_reset(state_->editor);
    std::putchar('\n');
    std::fflush(stdout);
    return Ending::kInterrupted;
  }
  if (text == nullptr || count <= 0) return Ending::kEndOfInput;
  line.assign(text, static_cast<size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return Ending::kLine;
}

void LineEditor::AddToHistory(const std::string& text) {
  history(state_->history, &state_->event, H_ENTER, text.c_str());
  if (state_->history_file.empty()) return;
  const mode_t previous = umask(077);
  history(state_->history, &state_->event, H_SAVE, state_->history_file.c_str());
  umask(previous);
}

}  // namespace granary::runner
