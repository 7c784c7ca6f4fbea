// Dates and times as text, in UTC: 2024-05-01 and 2024-05-01 12:30:00. Plain functions, no
// allocation, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "granary/query/formats/number_text.h"

namespace granary {

// `days` since 1970-01-01; appends 10 bytes.
void AppendDate(uint16_t days, std::string& out);
// `seconds` since 1970-01-01 00:00:00 UTC; appends 19 bytes.
void AppendDateTime(uint32_t seconds, std::string& out);

// The whole text is a date YYYY-MM-DD (months and days may have one digit) from 1970-01-01 to
// 2149-06-06, else kBadText or kOutOfRange.
ParseStatus ParseDate(std::string_view text, uint16_t& days);
// YYYY-MM-DD[( |T)hh:mm:ss[Z]], or seconds since the epoch as a number of five to ten digits; up to
// 2106-02-07 06:28:15.
ParseStatus ParseDateTime(std::string_view text, uint32_t& seconds);

}  // namespace granary
