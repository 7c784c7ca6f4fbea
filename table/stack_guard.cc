#include "granary/table/stack_guard.h"

#include <pthread.h>

#include "granary/table/error.h"

namespace granary {
namespace {

// Functions of the SQL functions' kind with their buffers, an error's text and its unwinding. Frames
// under a sanitizer are some four times as large.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kReserve = size_t{384} << 10;
#else
constexpr size_t kReserve = size_t{96} << 10;
#endif

struct StackOfThread {
  const char* begin = nullptr;  // lowest address; the stack grows down to it
  const char* end = nullptr;

  StackOfThread() {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
    void* address = nullptr;
    size_t size = 0;
    if (pthread_attr_getstack(&attributes, &address, &size) == 0) {
      begin = static_cast<const char*>(address);
      end = begin + size;
    }
    pthread_attr_destroy(&attributes);
  }
};

}  // namespace

void CheckStack(size_t bytes) {
  thread_local const StackOfThread stack;
  const char* const here = static_cast<const char*>(__builtin_frame_address(0));
  if (here < stack.begin || here >= stack.end) return;
  if (static_cast<size_t>(here - stack.begin) >= bytes + kReserve) return;
  throw Error(ErrorCode::kTooDeepRecursion,
              "The statement is nested too deeply for the stack of the thread that runs it, " +
                  std::to_string((stack.end - stack.begin) >> 10) +
                  " KiB; nest it less, or run it on a thread with a larger stack");
}

}  // namespace granary
