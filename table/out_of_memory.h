// Memory that the process does not have. Inside the library std::bad_alloc passes like any
// exception; it never leaves: every way in (database.h) and every thread of the library's own turns
// it into an Error.
#pragma once

#include <new>
#include <stdexcept>
#include <utility>

#include "granary/table/error.h"

namespace granary {

// The MEMORY_LIMIT_EXCEEDED of a process without memory; it exists from the start.
const Error& OutOfMemoryError();
// Throws a copy of it or, where there is no memory even for that, itself.
[[noreturn]] void ThrowOutOfMemory();

// Returns what `work` returns. Where the standard library finds no memory (std::bad_alloc) or is
// asked for more than there can be (std::length_error), throws OutOfMemoryError().
template <class F>
decltype(auto) TranslatingBadAlloc(F&& work) {
  try {
    return std::forward<F>(work)();
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory();
  } catch (const std::length_error&) {
    ThrowOutOfMemory();
  }
}

}  // namespace granary
