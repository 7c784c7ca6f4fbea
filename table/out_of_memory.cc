#include "granary/table/out_of_memory.h"

#include <exception>

namespace granary {
namespace {

// Made when the program starts, while there is memory.
const Error kOutOfMemory(ErrorCode::kMemoryLimitExceeded,
                         "The memory of the process is exhausted; set a lower max_memory_usage or "
                         "memory limit of the database, or let the statement handle less data");
const std::exception_ptr kThrownOutOfMemory = std::make_exception_ptr(kOutOfMemory);

}  // namespace

const Error& OutOfMemoryError() { return kOutOfMemory; }

void ThrowOutOfMemory() {
  try {
    throw Error(kOutOfMemory);
  } catch (const std::bad_alloc&) {
    std::rethrow_exception(kThrownOutOfMemory);
  }
}

}  // namespace granary
