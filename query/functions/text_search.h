// Finding bytes in huge texts: in time proportional to both, whatever they are, with checks whether
// the statement has been cancelled.
#pragma once

#include <cstddef>
#include <string_view>

namespace granary {

// As text.find(needle, from).
size_t FindText(std::string_view text, std::string_view needle, size_t from);

}  // namespace granary
