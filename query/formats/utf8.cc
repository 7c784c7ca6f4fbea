#include "granary/query/formats/utf8.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace granary {
namespace {

struct CodeRange {
  uint32_t first;
  uint32_t last;
};

// Combining marks and other characters without a cell of their own; ascending.
constexpr CodeRange kZeroWidth[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},   {0x05BF, 0x05BF},  {0x05C1, 0x05C2},
    {0x05C4, 0x05C5}, {0x0610, 0x061A}, {0x064B, 0x065F},   {0x0670, 0x0670},  {0x06D6, 0x06DC},
    {0x06DF, 0x06E4}, {0x06E7, 0x06E8}, {0x06EA, 0x06ED},   {0x0900, 0x0902},  {0x093A, 0x093A},
    {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},   {0x0E31, 0x0E31},  {0x0E34, 0x0E3A},
    {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},   {0x200B, 0x200F},  {0x202A, 0x202E},
    {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0x302A, 0x302D},   {0x3099, 0x309A},  {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF}, {0xE0100, 0xE01EF}};

// East Asian wide and fullwidth characters, and emoji; ascending.
constexpr CodeRange kDoubleWidth[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26AA, 0x26AB},
    {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},
    {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
    {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},
    {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}};

template <size_t N>
bool Contains(const CodeRange (&ranges)[N], uint32_t code) {
  const auto* range = std::upper_bound(std::begin(ranges), std::end(ranges), code,
                                       [](uint32_t c, const CodeRange& r) { return c < r.first; });
  return range != std::begin(ranges) && code <= range[-1].last;
}

uint32_t CodePoint(const char* sequence, size_t length) {
  const auto first = static_cast<unsigned char>(*sequence);
  uint32_t code = length == 1 ? first : first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) code = code << 6 | (sequence[i] & 0x3F);
  return code;
}

size_t CodeWidth(uint32_t code) {
  if (code < 0x300) return 1;
  if (Contains(kZeroWidth, code)) return 0;
  return Contains(kDoubleWidth, code) ? 2 : 1;
}

bool IsContinuation(const char* in, const char* end) {
  return in < end && (static_cast<unsigned char>(*in) & 0xC0) == 0x80;
}

// The bounds of the second byte that rule out overlong forms, surrogates and codes past 0x10FFFF.
bool IsSecondByte(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second < 0xA0;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second < 0x90;
    default:
      return true;
  }
}

struct Step {
  size_t bytes;
  size_t cells;
};

// One character at `in`, in column `column`.
Step NextStep(const char* in, const char* end, size_t column) {
  constexpr size_t kTabStop = 8;
  if (*in == '\t') return {1, kTabStop - column % kTabStop};
  if (static_cast<unsigned char>(*in) < 0x20 || *in == 0x7F) return {1, 0};
  const size_t length = Utf8SequenceBytes(in, end);
  if (length == 0) return {1, 1};
  return {length, CodeWidth(CodePoint(in, length))};
}

}  // namespace

size_t Utf8SequenceBytes(const char* begin, const char* end) {
  const auto first = static_cast<unsigned char>(*begin);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(begin + i, end)) return 0;
  }
  return IsSecondByte(first, static_cast<unsigned char>(begin[1])) ? length : 0;
}

size_t TextWidth(std::string_view text, size_t column) {
  const char* const end = text.data() + text.size();
  size_t cells = 0;
  for (const char* in = text.data(); in != end;) {
    const Step step = NextStep(in, end, column + cells);
    in += step.bytes;
    cells += step.cells;
  }
  return cells;
}

size_t FittingBytes(std::string_view text, size_t cells, size_t column) {
  const char* const end = text.data() + text.size();
  const char* in = text.data();
  for (size_t used = 0; in != end;) {
    const Step step = NextStep(in, end, column + used);
    used += step.cells;
    if (used > cells) break;
    in += step.bytes;
  }
  return static_cast<size_t>(in - text.data());
}

}  // namespace granary
