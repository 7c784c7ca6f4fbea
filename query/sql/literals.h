// Values of literals: what numbers and quoted texts mean, and which type a literal has. The rules
// are at Literal in ast.h.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/sql/ast.h"

namespace granary::sql {

// The number of a kNumber token. nullptr if it is beyond the range of Float64.
std::shared_ptr<Literal> MakeNumber(std::string_view digits, bool negative);

std::shared_ptr<Literal> MakeFloat(double value);
std::shared_ptr<Literal> MakeString(std::string value);
std::shared_ptr<Literal> MakeBool(bool value);
std::shared_ptr<Literal> MakeNull();

// The literal array of these elements, or nullptr if one is no literal, is NULL, has an alias, or
// they have no common type. Takes the values out of the elements, of which the caller must be the
// only owner.
std::shared_ptr<Literal> MakeArray(const std::vector<ExprPtr>& elements);

// An array of plain decimal numbers, such as a vector, read straight from the text at the speed of
// its numbers. `begin` is the byte of its '['. Nothing if the text is anything else, errors
// included: then the tokens decide.
struct NumberArray {
  std::shared_ptr<Literal> literal;
  size_t end;  // the byte after ']'
};
std::optional<NumberArray> ReadNumberArray(std::string_view text, size_t begin);

// The text inside '...', "..." or `...`: doubled quotes are one, and backslash sequences \b \f \n
// \r \t \0 \a \v \e \xHH \\ \' \" \` \/ mean what they mean in ClickHouse; \N is nothing, and any
// other sequence stays as it is (so that LIKE patterns may say \%).
std::string Unquote(std::string_view token);
// x'48 49' without spaces, and b'0100'; incomplete bytes are filled with zero bits from the left.
std::string DecodeHexString(std::string_view token);
std::string DecodeBinaryString(std::string_view token);
// $tag$text$tag$
std::string DecodeHeredoc(std::string_view token);

}  // namespace granary::sql
