// When the shell stops asking for more lines.
#pragma once

#include <string_view>

namespace granary::runner {

// Whether the text ends with ';' or \G outside quotes and comments, spaces and comments aside.
bool EndsStatement(std::string_view text);

}  // namespace granary::runner
