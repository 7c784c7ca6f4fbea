#include "granary/examples/runner/interrupt.h"

#include <atomic>
#include <csignal>

namespace granary::runner {
namespace {

std::atomic<CancelToken*> running{nullptr};
std::atomic<bool> interrupted{false};

void OnInterrupt(int signal) {
  interrupted = true;
  CancelToken* token = running.load();
  if (token == nullptr) return;
  if (token->cancelled()) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  token->Cancel();
}

}  // namespace

void InstallSignalHandlers() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);  // without SA_RESTART: a read of the terminal returns
  std::signal(SIGPIPE, SIG_IGN);
}

InterruptScope::InterruptScope(CancelToken& token) {
  interrupted = false;
  running = &token;
}

InterruptScope::~InterruptScope() { running = nullptr; }

bool TakeInterrupt() { return interrupted.exchange(false); }

}  // namespace granary::runner
