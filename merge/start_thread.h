// Starting the threads of a Database.
#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "granary/table/error.h"

namespace granary {

// A thread that calls run(). Throws CANNOT_SCHEDULE_TASK where the system starts no more: no
// std::system_error leaves the library.
template <class F>
std::thread StartThread(F&& run) {
  try {
    return std::thread(std::forward<F>(run));
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::kCannotScheduleTask,
                std::string("The system starts no further thread (") + error.what() +
                    "); allow the process more threads or more memory for their stacks, or open "
                    "the database with fewer (DatabaseOptions::threads)");
  }
}

}  // namespace granary
