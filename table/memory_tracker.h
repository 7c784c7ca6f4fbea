// Memory counted against limits. Two ways to charge it:
//
// * MemoryCharge, by hand: so many bytes for a scope, where what takes them is known beforehand.
// * ChargedAllocator, by itself: containers with it (ChargedVector, ChargedString ...) charge what
//   they allocate to the task that the allocating thread works for (TaskScope, task_context.h) and
//   give it back wherever and whenever they free it. Columns are made of such containers, so that
//   whoever holds a column holds its charge, and no step of a plan has to count its blocks.
//
// What lost: charging blocks where they are held counted slices and shared columns twice, missed
// what functions held between two blocks, and noticed a huge value only once it was there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace granary {

// The counters of a MemoryTracker. They live as long as the tracker or anything charged to it does,
// as a block of a result may outlive its statement and even its Database.
class MemoryAccount {
 public:
  // Throws MEMORY_LIMIT_EXCEEDED (and charges nothing) if a limit would be passed; `what` is named
  // in the message.
  void Charge(size_t bytes, const char* what);
  // False instead of an exception.
  bool TryCharge(size_t bytes);
  void Release(size_t bytes);

 private:
  friend class MemoryTracker;
  MemoryAccount(size_t limit_bytes, MemoryAccount* parent);
  ~MemoryAccount();
  size_t used() const { return held_.load(std::memory_order_relaxed) - 1; }
  void Drop(size_t held);

  std::atomic<size_t> limit_;
  MemoryAccount* const parent_;
  std::atomic<size_t> held_{1};  // bytes, and 1 for the tracker: at 0 the account goes
  std::atomic<size_t> peak_{0};
};

// Counts bytes against a limit, and against the limit of its parent if it has one. Thread-safe.
class MemoryTracker {
 public:
  // limit_bytes 0 means no limit of its own.
  explicit MemoryTracker(size_t limit_bytes = 0, MemoryTracker* parent = nullptr);
  // What is still charged stays so, to the parent too, until it is released.
  ~MemoryTracker();
  MemoryTracker(const MemoryTracker&) = delete;
  MemoryTracker& operator=(const MemoryTracker&) = delete;

  // As MemoryAccount's.
  void Charge(size_t bytes, const char* what) { account_->Charge(bytes, what); }
  bool TryCharge(size_t bytes) { return account_->TryCharge(bytes); }
  void Release(size_t bytes) { account_->Release(bytes); }

  size_t used() const { return account_->used(); }
  size_t peak() const { return account_->peak_.load(std::memory_order_relaxed); }
  size_t limit() const { return account_->limit_.load(std::memory_order_relaxed); }
  void set_limit(size_t bytes) { account_->limit_.store(bytes, std::memory_order_relaxed); }
  MemoryAccount& account() const { return *account_; }

 private:
  MemoryAccount* const account_;
};

// Holds a charge for a scope, and can grow as long as the tracker lives. Not thread-safe.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(MemoryTracker& tracker, size_t bytes, const char* what);
  MemoryCharge(MemoryCharge&& other) noexcept;
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  ~MemoryCharge() { Release(); }

  void Grow(size_t bytes, const char* what);
  // Grows or shrinks to so many bytes.
  void Resize(size_t bytes, const char* what);
  void Release();
  size_t bytes() const { return bytes_; }

 private:
  MemoryAccount* account_ = nullptr;
  size_t bytes_ = 0;
};

// Memory that is charged by itself: to the account of the calling thread (CurrentAccount), if there
// is one. Throws MEMORY_LIMIT_EXCEEDED, also where the system has no more, and, where it is a
// megabyte or more, what CheckTaskCancelled throws. Aligned to 16 bytes.
void* AllocateCharged(size_t bytes);
// `bytes` as allocated; from any thread.
void FreeCharged(void* memory, size_t bytes) noexcept;

// The account that AllocateCharged charges on this thread; null: nobody's. Set by TaskScope.
MemoryAccount*& CurrentAccount();

template <class T>
class ChargedAllocator {
 public:
  using value_type = T;
  using is_always_equal = std::true_type;

  ChargedAllocator() = default;
  template <class Other>
  ChargedAllocator(const ChargedAllocator<Other>&) {}

  T* allocate(size_t count) {
    static_assert(alignof(T) <= 16);
    if (count > std::numeric_limits<size_t>::max() / 2 / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(AllocateCharged(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t count) noexcept { FreeCharged(memory, count * sizeof(T)); }

  friend bool operator==(const ChargedAllocator&, const ChargedAllocator&) { return true; }
};

template <class T>
using ChargedVector = std::vector<T, ChargedAllocator<T>>;
using ChargedString = std::basic_string<char, std::char_traits<char>, ChargedAllocator<char>>;

// An object that is charged itself.
template <class T, class... Arguments>
std::shared_ptr<T> MakeCharged(Arguments&&... arguments) {
  return std::allocate_shared<T>(ChargedAllocator<std::remove_const_t<T>>(),
                                 std::forward<Arguments>(arguments)...);
}

// An array of numbers that are not initialised.
template <class T>
std::shared_ptr<T[]> MakeChargedArray(size_t size) {
  return std::allocate_shared_for_overwrite<T[]>(ChargedAllocator<T>(), size);
}

}  // namespace granary
