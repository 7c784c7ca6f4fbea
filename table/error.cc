#include "granary/table/error.h"

#include <utility>

namespace granary {
namespace {

std::string Describe(ErrorCode code, const std::string& message) {
  std::string text = "Code: " + std::to_string(static_cast<int>(code)) + ". " + message;
  if (!message.empty() && message.back() != '.') text += '.';
  text += " (";
  text += ErrorName(code);
  text += ')';
  return text;
}

}  // namespace

std::string_view ErrorName(ErrorCode code) {
  switch (code) {
#define GRANARY_NAME_CODE(constant, number, name) \
  case ErrorCode::constant:                       \
    return #name;
    GRANARY_ERROR_CODES(GRANARY_NAME_CODE)
#undef GRANARY_NAME_CODE
  }
  return "UNKNOWN_ERROR";
}

std::span<const ErrorCode> AllErrorCodes() {
#define GRANARY_LIST_CODE(constant, number, name) ErrorCode::constant,
  static constexpr ErrorCode kAll[] = {GRANARY_ERROR_CODES(GRANARY_LIST_CODE)};
#undef GRANARY_LIST_CODE
  return kAll;
}

Error::Error(ErrorCode code, std::string message)
    : code_(code), message_(std::move(message)), what_(Describe(code_, message_)) {}

void Error::AddContext(std::string_view doing) {
  message_ += ": while ";
  message_ += doing;
  what_ = Describe(code_, message_);
}

}  // namespace granary
