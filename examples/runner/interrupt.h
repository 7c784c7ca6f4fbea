// Ctrl-C. While a statement runs it cancels the statement; a second one, before the statement has
// noticed, ends the program as it would without us.
#pragma once

#include "granary/table/task_context.h"

namespace granary::runner {

// Takes SIGINT over, and ignores SIGPIPE (a closed pipe is an error of write then).
void InstallSignalHandlers();

// Between construction and destruction Ctrl-C cancels `token`, which outlives it.
class InterruptScope {
 public:
  explicit InterruptScope(CancelToken& token);
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

// Whether Ctrl-C was pressed since the last call.
bool TakeInterrupt();

}  // namespace granary::runner
