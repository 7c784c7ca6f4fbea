// Failing system calls: the functions of the C library through which Granary opens, reads and
// writes files are defined in this binary, count the calls while they are watched, and let one of
// them fail. Not thread-safe: to be used around statements that run on the caller's thread.
#pragma once

#include <cstdint>

namespace granary::testing {

// What happens to a call instead.
struct Fault {
  enum class Kind {
    kErrno,        // it fails with `error_number`
    kInterrupted,  // it fails with EINTR, once; calls that EINTR cannot happen to are passed over
    kShort,        // a read or write does half of what is asked for; others are passed over
  };
  Kind kind = Kind::kErrno;
  int error_number = 0;
};

// Begins to count; no call fails.
void WatchCalls();
// Begins to count; the call with this number fails.
void FailCall(uint64_t number, const Fault& fault);
// Ends it. How many calls there were.
uint64_t StopWatching();
// Whether the fault has happened since FailCall.
bool HasFailed();

}  // namespace granary::testing
