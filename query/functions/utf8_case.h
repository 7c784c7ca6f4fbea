// Upper and lower case of UTF-8 text by simple mappings of single characters: Latin, Greek,
// Cyrillic, Armenian and full-width letters. Other characters and malformed bytes stay as they are.
#pragma once

#include <string>
#include <string_view>

namespace granary {

std::string LowerUtf8(std::string_view text);
std::string UpperUtf8(std::string_view text);

}  // namespace granary
