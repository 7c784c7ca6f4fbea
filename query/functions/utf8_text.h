// UTF-8 text by characters. Malformed bytes are left as they are and may count as characters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "granary/table/memory_tracker.h"
#include "granary/table/task_context.h"

namespace granary {

// By simple mappings of single characters: Latin, Greek, Cyrillic, Armenian and full-width letters.
ChargedString LowerUtf8(std::string_view text);
ChargedString UpperUtf8(std::string_view text);

inline bool BeginsCharacter(char c) { return (c & 0xC0) != 0x80; }

inline uint64_t CountCharacters(std::string_view text) {
  uint64_t characters = 0;
  ForStretches(text.size(), [&](size_t begin, size_t end) {
    characters += static_cast<uint64_t>(
        std::count_if(text.begin() + begin, text.begin() + end, BeginsCharacter));
  });
  return characters;
}

// The bytes of the first `count` characters, or of all.
inline size_t BytesOfCharacters(std::string_view text, uint64_t count) {
  size_t bytes = 0;
  CancelCheck check;
  for (; bytes < text.size(); ++bytes) {
    if (BeginsCharacter(text[bytes]) && count-- == 0) break;
    check.After(1);
  }
  return bytes;
}

}  // namespace granary
