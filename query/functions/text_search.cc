#include "granary/query/functions/text_search.h"

#include <algorithm>
#include <cstring>

#include "granary/table/task_context.h"

namespace granary {
namespace {

constexpr size_t kWindowBytes = size_t{1} << 18;

}  // namespace

size_t FindText(std::string_view text, std::string_view needle, size_t from) {
  constexpr size_t npos = std::string_view::npos;
  if (from > text.size() || needle.size() > text.size() - from) return npos;
  if (needle.empty()) return from;
  // Windows overlap by a needle less a byte, and are at least as long as that again.
  const size_t window = std::max(kWindowBytes, 2 * needle.size());
  for (;;) {
    const std::string_view part = text.substr(from, window);
    const void* const found = memmem(part.data(), part.size(), needle.data(), needle.size());
    if (found != nullptr) {
      return static_cast<size_t>(static_cast<const char*>(found) - text.data());
    }
    if (part.size() < window) return npos;
    from += window - (needle.size() - 1);
    CheckTaskCancelled();
  }
}

}  // namespace granary
