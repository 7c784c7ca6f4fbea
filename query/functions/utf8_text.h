// UTF-8 text by characters. Malformed bytes are left as they are and may count as characters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace granary {

// By simple mappings of single characters: Latin, Greek, Cyrillic, Armenian and full-width letters.
std::string LowerUtf8(std::string_view text);
std::string UpperUtf8(std::string_view text);

inline bool BeginsCharacter(char c) { return (c & 0xC0) != 0x80; }

inline uint64_t CountCharacters(std::string_view text) {
  return static_cast<uint64_t>(std::count_if(text.begin(), text.end(), BeginsCharacter));
}

// The bytes of the first `count` characters, or of all.
inline size_t BytesOfCharacters(std::string_view text, uint64_t count) {
  size_t bytes = 0;
  for (; bytes < text.size(); ++bytes) {
    if (BeginsCharacter(text[bytes]) && count-- == 0) break;
  }
  return bytes;
}

}  // namespace granary
