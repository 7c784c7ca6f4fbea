// Finding the next character of interest, 16 bytes at a time where the machine can. Never reads
// outside [begin, end).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace granary {

// The first of the characters in [begin, end), or `end`.
template <char... kChars>
const char* FindFirstOf(const char* begin, const char* end) {
  const char* in = begin;
#if defined(__SSE2__)
  for (; end - in >= 16; in += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
    __m128i hits = _mm_setzero_si128();
    ((hits = _mm_or_si128(hits, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(kChars)))), ...);
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(hits));
    if (mask != 0) return in + std::countr_zero(mask);
  }
#endif
  while (in != end && !((*in == kChars) || ...)) ++in;
  return in;
}

inline bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline const char* SkipSpace(const char* begin, const char* end) {
  while (begin != end && IsSpace(*begin)) ++begin;
  return begin;
}

// ASCII letters only.
inline bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace granary
