#include "granary/table/memory_tracker.h"

#include <utility>

#include "granary/table/error.h"
#include "granary/table/task_context.h"

namespace granary {
namespace {

constexpr const char* kWhatIsCharged = "a block of values";
// Filling so much takes a fraction of a millisecond: before it is the time to look whether anyone
// still wants it.
constexpr size_t kChecked = size_t{1} << 20;

// Before each piece of charged memory.
struct alignas(16) ChargedHeader {
  MemoryAccount* account;
};

// What the system's allocator takes for it: a word beside it, in steps of 16 bytes.
size_t ChargeFor(size_t bytes) {
  return (bytes + sizeof(ChargedHeader) + sizeof(size_t) + 15) / 16 * 16;
}

constinit thread_local MemoryAccount* current_account = nullptr;

}  // namespace

// MemoryAccount

// The parent needs no hold of its own: its tracker outlives that of this account, and what is still
// charged here afterwards is charged there too.
MemoryAccount::MemoryAccount(size_t limit_bytes, MemoryAccount* parent)
    : limit_(limit_bytes), parent_(parent) {}

MemoryAccount::~MemoryAccount() = default;

void MemoryAccount::Drop(size_t held) {
  if (held_.fetch_sub(held, std::memory_order_acq_rel) == held) delete this;
}

void MemoryAccount::Charge(size_t bytes, const char* what) {
  if (TryCharge(bytes)) return;
  const MemoryAccount* full = this;
  const auto limit = [&] { return full->limit_.load(std::memory_order_relaxed); };
  while (full->parent_ != nullptr && (limit() == 0 || full->used() + bytes <= limit())) {
    full = full->parent_;
  }
  throw Error(ErrorCode::kMemoryLimitExceeded,
              std::string("Memory limit exceeded: ") + what + " needs " + std::to_string(bytes) +
                  " bytes more, " + std::to_string(full->used()) + " are in use and the limit is " +
                  std::to_string(limit()) +
                  "; raise max_memory_usage or the memory limit of the database, or let the "
                  "statement handle less data");
}

bool MemoryAccount::TryCharge(size_t bytes) {
  const size_t now = held_.fetch_add(bytes, std::memory_order_relaxed) + bytes - 1;
  const size_t most = limit_.load(std::memory_order_relaxed);
  if ((most != 0 && now > most) || (parent_ != nullptr && !parent_->TryCharge(bytes))) {
    held_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  size_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return true;
}

void MemoryAccount::Release(size_t bytes) {
  if (bytes == 0) return;
  if (parent_ != nullptr) parent_->Release(bytes);
  Drop(bytes);
}

// MemoryTracker

MemoryTracker::MemoryTracker(size_t limit_bytes, MemoryTracker* parent)
    : account_(new MemoryAccount(limit_bytes, parent == nullptr ? nullptr : parent->account_)) {}

MemoryTracker::~MemoryTracker() { account_->Drop(1); }

// MemoryCharge

MemoryCharge::MemoryCharge(MemoryTracker& tracker, size_t bytes, const char* what)
    : account_(&tracker.account()) {
  Grow(bytes, what);
}

MemoryCharge::MemoryCharge(MemoryCharge&& other) noexcept
    : account_(std::exchange(other.account_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  if (this != &other) {
    Release();
    account_ = std::exchange(other.account_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void MemoryCharge::Grow(size_t bytes, const char* what) {
  account_->Charge(bytes, what);
  bytes_ += bytes;
}

void MemoryCharge::Resize(size_t bytes, const char* what) {
  if (bytes > bytes_) return Grow(bytes - bytes_, what);
  account_->Release(bytes_ - bytes);
  bytes_ = bytes;
}

void MemoryCharge::Release() {
  if (account_ != nullptr) account_->Release(std::exchange(bytes_, 0));
}

// Charged memory

MemoryAccount*& CurrentAccount() { return current_account; }

void* AllocateCharged(size_t bytes) {
  if (bytes >= kChecked) CheckTaskCancelled();
  MemoryAccount* const account = current_account;
  if (account != nullptr) account->Charge(ChargeFor(bytes), kWhatIsCharged);
  void* const memory = ::operator new(bytes + sizeof(ChargedHeader), std::nothrow);
  if (memory == nullptr) {
    if (account != nullptr) account->Release(ChargeFor(bytes));
    throw Error(ErrorCode::kMemoryLimitExceeded,
                "The system has no memory left for " + std::to_string(bytes) +
                    " bytes; let the statement handle less data, or set max_memory_usage to what "
                    "there is");
  }
  *static_cast<ChargedHeader*>(memory) = {account};
  return static_cast<std::byte*>(memory) + sizeof(ChargedHeader);
}

void FreeCharged(void* memory, size_t bytes) noexcept {
  auto* const header =
      reinterpret_cast<ChargedHeader*>(static_cast<std::byte*>(memory) - sizeof(ChargedHeader));
  MemoryAccount* const account = header->account;
  ::operator delete(header);
  if (account != nullptr) account->Release(ChargeFor(bytes));
}

}  // namespace granary
