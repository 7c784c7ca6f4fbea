#include "granary/query/functions/utf8_text.h"

#include <cstdint>
#include <cstring>

#include "granary/query/formats/utf8.h"

namespace granary {
namespace {

// Upper-case letters [first, last], every `step`th of them, with their lower case `shift` further.
struct CaseRange {
  uint32_t first;
  uint32_t last;
  uint32_t step;
  int32_t shift;
};

constexpr CaseRange kRanges[] = {
    {'A', 'Z', 1, 32},      {0xC0, 0xD6, 1, 32},     {0xD8, 0xDE, 1, 32},   {0x100, 0x12E, 2, 1},
    {0x132, 0x136, 2, 1},   {0x139, 0x147, 2, 1},    {0x14A, 0x176, 2, 1},  {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},   {0x1CD, 0x1DB, 2, 1},    {0x1DE, 0x1EE, 2, 1},  {0x1F8, 0x21E, 2, 1},
    {0x222, 0x232, 2, 1},   {0x386, 0x386, 1, 38},   {0x388, 0x38A, 1, 37}, {0x38C, 0x38C, 1, 64},
    {0x38E, 0x38F, 1, 63},  {0x391, 0x3A1, 1, 32},   {0x3A3, 0x3AB, 1, 32}, {0x3D8, 0x3EE, 2, 1},
    {0x400, 0x40F, 1, 80},  {0x410, 0x42F, 1, 32},   {0x460, 0x480, 2, 1},  {0x48A, 0x4BE, 2, 1},
    {0x4C1, 0x4CD, 2, 1},   {0x4D0, 0x52E, 2, 1},    {0x531, 0x556, 1, 48}, {0x1E00, 0x1E94, 2, 1},
    {0x1EA0, 0x1EFE, 2, 1}, {0xFF21, 0xFF3A, 1, 32},
};

uint32_t ToLower(uint32_t c) {
  if (c < 0xC0) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  for (const CaseRange& range : kRanges) {
    if (c >= range.first && c <= range.last && (c - range.first) % range.step == 0) {
      return c + static_cast<uint32_t>(range.shift);
    }
  }
  return c;
}

uint32_t ToUpper(uint32_t c) {
  if (c < 0xC0) return c >= 'a' && c <= 'z' ? c - 32 : c;
  for (const CaseRange& range : kRanges) {
    const uint32_t upper = c - static_cast<uint32_t>(range.shift);
    if (upper >= range.first && upper <= range.last && (upper - range.first) % range.step == 0) {
      return upper;
    }
  }
  return c;
}

uint32_t Decode(const char* in, size_t bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(in[i])); };
  if (bytes == 2) return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
  return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
}

void Encode(uint32_t c, ChargedString& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// The bytes before the first that is not ASCII, or some fewer.
size_t AsciiPrefix(std::string_view text) {
  size_t bytes = 0;
  for (uint64_t word; bytes + sizeof(word) <= text.size(); bytes += sizeof(word)) {
    std::memcpy(&word, text.data() + bytes, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
  }
  return bytes;
}

// Of the letters [first, first + 26) the other case: a loop that compilers make vector code of.
void SwapCaseOfAscii(const char* in, size_t bytes, char first, char* out) {
  for (size_t i = 0; i < bytes; ++i) {
    const auto place = static_cast<uint8_t>(in[i] - first);
    out[i] = static_cast<char>(in[i] ^ (place < 26 ? 0x20 : 0));
  }
}

template <uint32_t (*Map)(uint32_t)>
ChargedString MapText(std::string_view text) {
  ChargedString out;
  out.reserve(text.size());
  out.resize(AsciiPrefix(text));
  ForStretches(out.size(), [&](size_t begin, size_t end) {
    SwapCaseOfAscii(text.data() + begin, end - begin, Map('a') == 'a' ? 'A' : 'a',
                    out.data() + begin);
  });
  const char* in = text.data() + out.size();
  const char* end = text.data() + text.size();
  CancelCheck check;
  while (in != end) {
    check.After(4);
    const size_t bytes = static_cast<uint8_t>(*in) < 0x80 ? 1 : Utf8SequenceBytes(in, end);
    if (bytes == 1) {
      out += static_cast<char>(Map(static_cast<uint8_t>(*in++)));
    } else if (bytes == 2 || bytes == 3) {
      Encode(Map(Decode(in, bytes)), out);
      in += bytes;
    } else {
      const size_t copied = bytes == 0 ? 1 : bytes;
      out.append(in, copied);
      in += copied;
    }
  }
  return out;
}

}  // namespace

ChargedString LowerUtf8(std::string_view text) { return MapText<ToLower>(text); }
ChargedString UpperUtf8(std::string_view text) { return MapText<ToUpper>(text); }

}  // namespace granary
