#include "granary/query/functions/byte_set.h"

#include <algorithm>

#include <xxhash.h>

#include "granary/table/long_vector.h"

namespace granary {
namespace {

constexpr size_t kFirstSlots = 16;
constexpr size_t kFirstChunkBytes = 256;
constexpr size_t kChunkBytesMax = size_t{1} << 20;

}  // namespace

bool ByteSet::Insert(std::string_view bytes) {
  if ((size_ + 1) * 2 > slots_.size()) Grow();
  const uint64_t hash = XXH3_64bits(bytes.data(), bytes.size());
  const size_t slot = Find(bytes, hash);
  if (slots_[slot].entry != nullptr) return false;
  slots_[slot] = {hash, Keep(bytes)};
  ++size_;
  return true;
}

bool ByteSet::Contains(std::string_view bytes) const {
  if (size_ == 0) return false;
  return slots_[Find(bytes, XXH3_64bits(bytes.data(), bytes.size()))].entry != nullptr;
}

size_t ByteSet::Find(std::string_view bytes, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot].entry != nullptr &&
         (slots_[slot].hash != hash || BytesOf(slots_[slot].entry) != bytes)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void ByteSet::Grow() {
  ChargedVector<Slot> larger = FilledVector<Slot>(std::max(kFirstSlots, slots_.size() * 2));
  const size_t mask = larger.size() - 1;
  ForStretches(slots_.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (slots_[i].entry == nullptr) continue;
      size_t slot = slots_[i].hash & mask;
      while (larger[slot].entry != nullptr) slot = (slot + 1) & mask;
      larger[slot] = slots_[i];
    }
  });
  slots_ = std::move(larger);
}

const char* ByteSet::Keep(std::string_view bytes) {
  const uint64_t length = bytes.size();
  const size_t needed = sizeof(length) + bytes.size();
  if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < needed) {
    const size_t twice_the_last = chunks_.empty() ? 0 : 2 * chunks_.back().capacity();
    const size_t chunk = std::clamp(twice_the_last, kFirstChunkBytes, kChunkBytesMax);
    chunks_.emplace_back().reserve(std::max(chunk, needed));
  }
  ChargedVector<char>& chunk = chunks_.back();
  const size_t begin = chunk.size();
  const char* const length_bytes = reinterpret_cast<const char*>(&length);
  chunk.insert(chunk.end(), length_bytes, length_bytes + sizeof(length));
  chunk.insert(chunk.end(), bytes.begin(), bytes.end());
  return chunk.data() + begin;
}

}  // namespace granary
