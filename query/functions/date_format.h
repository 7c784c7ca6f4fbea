// The patterns of formatDateTime: %Y-%m-%d and so on, MySQL's letters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace granary {

// Throws BAD_ARGUMENTS, which names the first letter that is not known.
void CheckDateFormat(std::string_view pattern);

// `seconds` since the epoch, in UTC. The pattern has been checked.
void AppendFormattedDate(std::string_view pattern, int64_t seconds, std::string& out);

}  // namespace granary
