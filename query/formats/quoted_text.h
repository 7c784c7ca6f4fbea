// Backslash escapes and quoting, in both directions: the escapes of TabSeparated (which are those
// of SQL string literals), the doubled quotes of CSV, and JSON's.
#pragma once

#include <string>
#include <string_view>

#include "granary/table/charged_bytes.h"

namespace granary {

// Appends `text` with \b \f \n \r \t \0 \\ and \' escaped.
void AppendEscaped(std::string_view text, std::string& out);
// The same between single quotes.
void AppendQuoted(std::string_view text, std::string& out);
// Between double quotes, each double quote doubled.
void AppendCsvQuoted(std::string_view text, std::string& out);
// Between double quotes as a JSON string; bytes that are not UTF-8 become U+FFFD.
void AppendJsonQuoted(std::string_view text, std::string& out);

// Appends the text with its escapes resolved: \a \b \e \f \n \r \t \v \0 \xHH, and any other
// character after a backslash as itself. False if it ends in the middle of an escape.
bool AppendUnescaped(std::string_view text, ChargedBytes& out);

// The end of the string literal whose opening quote is at begin, behind the closing one; nullptr if
// it does not close. Skips backslash escapes and doubled quotes.
const char* FindQuoteEnd(const char* begin, const char* end);
// Appends what stands between the quotes of the literal [begin, end): escapes resolved, doubled
// quotes halved. False if it ends in the middle of an escape.
bool AppendUnquoted(const char* begin, const char* end, ChargedBytes& out);

}  // namespace granary
