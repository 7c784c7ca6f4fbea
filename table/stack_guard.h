// How deep a thread may still recurse. Granary runs on its host's threads, whose stacks may be small,
// and what a statement nests decides how deep the parser, the planner and expressions recurse.
#pragma once

#include <cstddef>

namespace granary {

// Throws TOO_DEEP_RECURSION unless the calling thread's stack has room for `bytes` and, beyond that,
// for what is called between two checks. Whatever recurses as deep as a statement is nested calls it
// at each level. Takes about a nanosecond. Checks nothing where the stack is not the thread's own, as
// in a coroutine.
void CheckStack(size_t bytes = 0);

}  // namespace granary
