// Back-pressure: how much an INSERT is held up by parts that have not been merged yet. Pure.
#pragma once

#include <chrono>

#include "granary/parts/table_store.h"

namespace granary {

// How long an INSERT into the table should wait: nothing while every partition has fewer than
// parts_to_delay_insert parts, then longer with each part, up to a second. Throws TOO_MANY_PARTS
// from parts_to_throw_insert on.
std::chrono::milliseconds InsertDelay(const PartSet& set);

}  // namespace granary
