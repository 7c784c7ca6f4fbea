#include "granary/table/charged_bytes.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "granary/table/error.h"
#include "granary/table/task_context.h"

namespace granary {
namespace {

constexpr size_t kFirstBytes = 64;
constexpr size_t kStretchBytes = size_t{1} << 20;

}  // namespace

ChargedBytes::ChargedBytes(ChargedBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      account_(std::exchange(other.account_, nullptr)) {}

ChargedBytes& ChargedBytes::operator=(ChargedBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  std::swap(account_, other.account_);
  return *this;
}

ChargedBytes::~ChargedBytes() {
  std::free(data_);
  if (account_ != nullptr) account_->Release(capacity_);
}

void ChargedBytes::AppendLong(std::string_view text) {
  char* out = Extend(text.size());
  while (text.size() > kStretchBytes) {
    std::memcpy(out, text.data(), kStretchBytes);
    out += kStretchBytes;
    text.remove_prefix(kStretchBytes);
    CheckTaskCancelled();
  }
  std::memcpy(out, text.data(), text.size());
}

void ChargedBytes::Grow(size_t bytes) {
  const size_t needed = size_ + bytes;
  CheckTaskCancelled();
  Reallocate(std::max({needed, capacity_ + capacity_ / 2, kFirstBytes}));
}

void ChargedBytes::Trim() {
  if (size_ > 0 && capacity_ - size_ > size_ / 8) Reallocate(size_);
}

void ChargedBytes::Reallocate(size_t capacity) {
  if (data_ == nullptr) account_ = CurrentAccount();
  if (account_ != nullptr && capacity > capacity_) {
    account_->Charge(capacity - capacity_, "a string");
  }
  void* const moved = std::realloc(data_, capacity);
  if (moved == nullptr) {
    if (account_ != nullptr && capacity > capacity_) account_->Release(capacity - capacity_);
    throw Error(ErrorCode::kMemoryLimitExceeded,
                "The system has no memory left for a string of " + std::to_string(capacity) +
                    " bytes; let the statement handle less data, or set max_memory_usage to what "
                    "there is");
  }
  if (account_ != nullptr && capacity < capacity_) account_->Release(capacity_ - capacity);
  data_ = static_cast<char*>(moved);
  capacity_ = capacity;
}

}  // namespace granary
