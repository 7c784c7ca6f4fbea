// A bounded cache with single-flight loading: whoever asks first loads, the others wait for that
// one entry only. Replacement is CLOCK: an entry survives one round of the hand for being used.
// Lookups go through a concurrent hash table and take no lock shared between keys.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <libcuckoo/cuckoohash_map.hh>

#include "granary/table/task_context.h"

namespace granary {

// Something of one part: `part` is unique in the process, `place` unique within the part.
struct CacheKey {
  uint64_t part = 0;
  uint64_t place = 0;
  friend bool operator==(const CacheKey&, const CacheKey&) = default;
};

template <class Value>
class ClockCache {
 public:
  using ValuePtr = std::shared_ptr<const Value>;

  // `limit` in whatever unit Find's loaders report weights. With `memory`, which outlives the
  // cache, weights are bytes and charged to it: what it has no room for is not kept.
  explicit ClockCache(size_t limit, MemoryTracker* memory = nullptr)
      : slots_(kFirstCapacity), limit_(limit), memory_(memory) {}
  ~ClockCache() {
    if (memory_ != nullptr) memory_->Release(weight_);
  }

  size_t limit() const { return limit_; }

  // The cached value, or what `load` returns: the value and its weight. What load throws is thrown
  // to every caller that asked it, and nothing is cached.
  template <class Load>
  ValuePtr FindOrLoad(const CacheKey& key, Load&& load) {
    std::shared_ptr<Slot> slot = FindOrAddSlot(key);
    const std::lock_guard lock(slot->mutex);
    slot->recently_used.store(true, std::memory_order_relaxed);
    if (slot->value) return slot->value;
    try {
      std::pair<ValuePtr, size_t> loaded = load();
      slot->value = std::move(loaded.first);
      slot->weight = loaded.second;
    } catch (...) {
      EraseSlot(slot);
      throw;
    }
    Admit(slot);
    return slot->value;
  }

  // The value of this key weighs something else now. Where there is no room for that, others are
  // dropped, and in the end this one.
  void Reweigh(const CacheKey& key, size_t weight) {
    std::shared_ptr<Slot> slot;
    if (!slots_.find(key, slot)) return;
    const std::lock_guard lock(mutex_);
    const auto found = std::find(ring_.begin(), ring_.end(), slot);
    if (found == ring_.end()) return;
    TakeOut(static_cast<size_t>(found - ring_.begin()));
    slot->weight = weight;
    PutIn(slot);
  }

  // Drops everything; who holds a value keeps it.
  void Clear() {
    std::vector<std::shared_ptr<Slot>> dropped;
    const std::lock_guard lock(mutex_);
    dropped = ring_;
    while (!ring_.empty()) Evict(ring_.size() - 1);
  }

  // Drops everything of a part. Takes no memory: destructors call it.
  void Forget(uint64_t part) noexcept {
    // Values are destroyed without the lock, some at a time.
    std::array<std::shared_ptr<Slot>, 64> dropped;
    size_t count = dropped.size();
    for (size_t next = 0; count == dropped.size(); dropped.fill(nullptr)) {
      const std::lock_guard lock(mutex_);
      count = 0;
      for (next = std::min(next, ring_.size()); next < ring_.size() && count < dropped.size();) {
        if (ring_[next]->key.part == part) {
          dropped[count++] = ring_[next];
          Evict(next);
        } else {
          ++next;
        }
      }
    }
  }

  size_t weight() const {
    const std::lock_guard lock(mutex_);
    return weight_;
  }

 private:
  static constexpr size_t kFirstCapacity = 256;

  struct Slot {
    explicit Slot(const CacheKey& slot_key) : key(slot_key) {}
    const CacheKey key;
    std::atomic<bool> recently_used{false};
    std::mutex mutex;  // guards value
    ValuePtr value;
    size_t weight = 0;
  };
  struct Hash {
    size_t operator()(const CacheKey& key) const {
      return (key.part * 0x9E3779B97F4A7C15u) ^ (key.place * 0xC2B2AE3D27D4EB4Fu);
    }
  };

  std::shared_ptr<Slot> FindOrAddSlot(const CacheKey& key) {
    std::shared_ptr<Slot> slot;
    while (!slots_.find(key, slot)) slots_.insert(key, std::make_shared<Slot>(key));
    return slot;
  }

  void EraseSlot(const std::shared_ptr<Slot>& slot) {
    slots_.erase_fn(slot->key, [&](const std::shared_ptr<Slot>& found) { return found == slot; });
  }

  void Admit(const std::shared_ptr<Slot>& slot) {
    const std::lock_guard lock(mutex_);
    PutIn(slot);
  }

  void PutIn(const std::shared_ptr<Slot>& slot) {
    if (slot->weight > limit_ || !HasPlaceInRing()) return EraseSlot(slot);
    while (!HasRoomFor(slot->weight)) {
      if (ring_.empty()) return EraseSlot(slot);
      if (hand_ >= ring_.size()) hand_ = 0;
      if (ring_[hand_]->recently_used.exchange(false, std::memory_order_relaxed)) {
        ++hand_;
      } else {
        Evict(hand_);
      }
    }
    ring_.push_back(slot);
    weight_ += slot->weight;
  }

  // False if there is no memory for a place more.
  bool HasPlaceInRing() {
    if (ring_.size() < ring_.capacity()) return true;
    try {
      ring_.reserve(std::max<size_t>(2 * ring_.size(), 16));
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  // If so, the room is charged.
  bool HasRoomFor(size_t weight) {
    return weight_ + weight <= limit_ && (memory_ == nullptr || memory_->TryCharge(weight));
  }

  void Evict(size_t position) {
    EraseSlot(ring_[position]);
    TakeOut(position);
  }

  void TakeOut(size_t position) {
    weight_ -= ring_[position]->weight;
    if (memory_ != nullptr) memory_->Release(ring_[position]->weight);
    ring_[position] = ring_.back();
    ring_.pop_back();
  }

  libcuckoo::cuckoohash_map<CacheKey, std::shared_ptr<Slot>, Hash> slots_;
  const size_t limit_;
  MemoryTracker* const memory_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::shared_ptr<Slot>> ring_;
  size_t hand_ = 0;
  size_t weight_ = 0;
};

}  // namespace granary
