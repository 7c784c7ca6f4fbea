#include "granary/query/formats/quoted_text.h"

#include <cstdint>

#include "granary/query/formats/text_scan.h"
#include "granary/query/formats/utf8.h"

namespace granary {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char EscapeLetter(char c) {
  switch (c) {
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\0':
      return '0';
    default:
      return c;
  }
}

char EscapedChar(char letter) {
  switch (letter) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'e':
      return '\x1b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '0':
      return '\0';
    default:
      return letter;
  }
}

// Resolves the escape at `in` (a backslash); nullptr if it is cut off.
const char* AppendEscapedChar(const char* in, const char* end, ChargedBytes& out) {
  if (end - in < 2) return nullptr;
  if (in[1] != 'x') {
    out.Append(EscapedChar(in[1]));
    return in + 2;
  }
  if (end - in < 4 || HexDigit(in[2]) < 0 || HexDigit(in[3]) < 0) return nullptr;
  out.Append(static_cast<char>(HexDigit(in[2]) * 16 + HexDigit(in[3])));
  return in + 4;
}

void AppendJsonEscape(char c, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '\\';
  const char letter = EscapeLetter(c);
  if (letter != c && c != '\0') {
    out += letter;
  } else if (static_cast<unsigned char>(c) < 0x20) {
    out += "u00";
    out += kHex[c >> 4];
    out += kHex[c & 15];
  } else {
    out += c;
  }
}

// U+2028 and U+2029 end a line in JavaScript, so they are escaped.
bool IsLineSeparator(std::string_view sequence) {
  return sequence == "\xe2\x80\xa8" || sequence == "\xe2\x80\xa9";
}

}  // namespace

void AppendEscaped(std::string_view text, std::string& out) {
  const char* in = text.data();
  const char* const end = in + text.size();
  while (true) {
    const char* stop = FindFirstOf<'\b', '\f', '\n', '\r', '\t', '\0', '\\', '\''>(in, end);
    out.append(in, stop);
    if (stop == end) return;
    out += '\\';
    out += EscapeLetter(*stop);
    in = stop + 1;
  }
}

void AppendQuoted(std::string_view text, std::string& out) {
  out += '\'';
  AppendEscaped(text, out);
  out += '\'';
}

void AppendCsvQuoted(std::string_view text, std::string& out) {
  const char* in = text.data();
  const char* const end = in + text.size();
  out += '"';
  for (const char* stop; (stop = FindFirstOf<'"'>(in, end)) != end; in = stop + 1) {
    out.append(in, stop + 1);
    out += '"';
  }
  out.append(in, end);
  out += '"';
}

void AppendJsonQuoted(std::string_view text, std::string& out) {
  out += '"';
  const char* const end = text.data() + text.size();
  for (const char* in = text.data(); in != end;) {
    const auto byte = static_cast<unsigned char>(*in);
    if (byte < 0x20 || byte == '"' || byte == '\\' || byte == '/') {
      AppendJsonEscape(*in++, out);
    } else if (byte < 0x80) {
      out += *in++;
    } else if (const size_t length = Utf8SequenceBytes(in, end); length == 0) {
      out += "\xef\xbf\xbd";
      ++in;
    } else {
      const std::string_view sequence(in, length);
      if (IsLineSeparator(sequence)) {
        out += in[2] == '\xa8' ? "\\u2028" : "\\u2029";
      } else {
        out += sequence;
      }
      in += length;
    }
  }
  out += '"';
}

bool AppendUnescaped(std::string_view text, ChargedBytes& out) {
  const char* in = text.data();
  const char* const end = in + text.size();
  while (in != nullptr) {
    const char* stop = FindFirstOf<'\\'>(in, end);
    out.Append({in, static_cast<size_t>(stop - in)});
    if (stop == end) return true;
    in = AppendEscapedChar(stop, end, out);
  }
  return false;
}

const char* FindQuoteEnd(const char* begin, const char* end) {
  for (const char* in = begin + 1;;) {
    in = FindFirstOf<'\'', '\\'>(in, end);
    if (end - in < 1) return nullptr;
    if (*in == '\'') {
      if (end - in < 2 || in[1] != '\'') return in + 1;
    } else if (end - in < 2) {
      return nullptr;
    }
    in += 2;
  }
}

bool AppendUnquoted(const char* begin, const char* end, ChargedBytes& out) {
  const char* in = begin + 1;
  const char* const close = end - 1;
  while (in != nullptr) {
    const char* stop = FindFirstOf<'\'', '\\'>(in, close);
    out.Append({in, static_cast<size_t>(stop - in)});
    if (stop == close) return true;
    if (*stop == '\'') {
      out.Append('\'');
      in = stop + 2;
    } else {
      in = AppendEscapedChar(stop, close, out);
    }
  }
  return false;
}

}  // namespace granary
