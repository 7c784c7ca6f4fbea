// Words that can't be plain identifiers everywhere. The dialect reserves few: most keywords are
// known by their place, and remain good names for columns.
#pragma once

#include <string>
#include <string_view>

namespace granary::sql {

// Case-insensitive (ASCII).
bool EqualWords(std::string_view a, std::string_view b);

// In upper case (ASCII).
std::string UpperWord(std::string_view word);

// Words that begin a clause or an operator and so never begin an expression: FROM, WHERE, AND, ...
bool IsReserved(std::string_view word);

// Words that follow an expression or a table and so are no alias without AS before it; includes the
// reserved ones.
bool IsClauseWord(std::string_view word);

// Letters, digits and underscores, not beginning with a digit.
bool IsWord(std::string_view name);

// Whether a bare word is read as an identifier wherever an identifier may stand; others, such as
// null, case and index, are written in backticks.
bool IsPlainIdentifier(std::string_view word);

// `name`
std::string QuoteAlways(std::string_view name);

// A name where nothing else may stand, as after FORMAT: in backticks only if it must be.
std::string QuoteName(std::string_view name);

}  // namespace granary::sql
