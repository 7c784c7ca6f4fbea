#include "granary/skipindex/vector_similarity/graph_layer.h"

#include <algorithm>
#include <cstring>

namespace granary {
namespace {

constexpr size_t kCacheLine = 64;

void Prefetch(const std::byte* data, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += kCacheLine) __builtin_prefetch(data + offset);
}

}  // namespace

void Beam::ClearSeen(size_t nodes) {
  const size_t words = (nodes + 63) / 64;
  if (seen_bits_.size() < words) seen_bits_.resize(words);
  for (uint32_t node : seen_) seen_bits_[node >> 6] = 0;
  seen_.clear();
}

void Beam::Reset(size_t nodes, size_t width) {
  ClearSeen(nodes);
  width_ = width;
  if (entries_.size() < width + 1) entries_.resize(width + 1);
  size_ = 0;
  next_ = 0;
  spilled_.clear();
}

void Beam::Offer(BeamEntry entry) {
  if (size_ == width_) {
    if (!(entry < entries_[size_ - 1])) {
      spilled_.push_back(entry);
      return;
    }
    spilled_.push_back(entries_[--size_]);
  }
  BeamEntry* const begin = entries_.data();
  BeamEntry* const place = std::lower_bound(begin, begin + size_, entry);
  std::memmove(static_cast<void*>(place + 1), place,
               static_cast<size_t>(begin + size_ - place) * sizeof(BeamEntry));
  *place = entry;
  ++size_;
  next_ = std::min(next_, static_cast<size_t>(place - begin));
}

void Beam::Add(uint32_t node, CodeScorer& scorer) {
  uint64_t& word = seen_bits_[node >> 6];
  const uint64_t bit = uint64_t{1} << (node & 63);
  if ((word & bit) != 0) return;
  word |= bit;
  seen_.push_back(node);
  uint32_t key;
  scorer.Score(&node, 1, &key);
  Offer({key, node});
}

// Fills batch_ with the linked nodes that were not seen before.
size_t Beam::CollectUnseen(const GraphLayer& layer, uint32_t node, const CodeScorer& scorer) {
  const uint32_t* links = layer.LinksOf(node);
  uint32_t* batch = batch_.data();
  uint64_t* seen_bits = seen_bits_.data();
  size_t count = 0;
  for (uint32_t i = 0; i < layer.capacity; ++i) {
    const uint32_t linked = links[i];
    if (linked >= layer.nodes) break;
    uint64_t& word = seen_bits[linked >> 6];
    const uint64_t bit = uint64_t{1} << (linked & 63);
    if ((word & bit) != 0) continue;
    word |= bit;
    Prefetch(scorer.base() + size_t{linked} * scorer.stride_bytes(), scorer.code_bytes());
    batch[count++] = linked;
  }
  seen_.insert(seen_.end(), batch, batch + count);
  return count;
}

bool Beam::Walk(const GraphLayer& layer, CodeScorer& scorer, size_t max_hops) {
  if (batch_.size() < layer.capacity) {
    batch_.resize(layer.capacity);
    keys_.resize(layer.capacity);
  }
  for (size_t hop = 0; hop < max_hops; ++hop) {
    while (next_ < size_ && entries_[next_].expanded()) ++next_;
    if (next_ == size_) return false;
    const uint32_t node = entries_[next_].node();
    entries_[next_].set_expanded();
    const size_t count = CollectUnseen(layer, node, scorer);
    for (size_t i = next_ + 1; i < size_; ++i) {
      if (entries_[i].expanded()) continue;
      Prefetch(reinterpret_cast<const std::byte*>(layer.LinksOf(entries_[i].node())),
               layer.capacity * sizeof(uint32_t));
      break;
    }
    scorer.Score(batch_.data(), count, keys_.data());
    for (size_t i = 0; i < count; ++i) Offer({keys_[i], batch_[i]});
  }
  return true;
}

bool Beam::Widen(size_t width) {
  if (width <= width_ || spilled_.empty()) return false;
  width_ = width;
  if (entries_.size() < width + 1) entries_.resize(width + 1);
  const size_t taken = std::min(spilled_.size(), width - size_);
  const auto last = spilled_.begin() + static_cast<ptrdiff_t>(taken);
  std::nth_element(spilled_.begin(), last - 1, spilled_.end());
  std::copy(spilled_.begin(), last, entries_.data() + size_);
  spilled_.erase(spilled_.begin(), last);
  size_ += taken;
  std::sort(entries_.data(), entries_.data() + size_);
  next_ = 0;
  return true;
}

uint32_t GreedyWalk(const GraphLayer& layer, CodeScorer& scorer, size_t rows, uint32_t node) {
  constexpr size_t kBatch = 32;
  uint32_t batch_nodes[kBatch];
  uint32_t batch_rows[kBatch];
  uint32_t keys[kBatch];
  uint32_t best_key = 0xFFFFFFFF;
  for (bool nearer = true; nearer;) {
    nearer = false;
    const uint32_t* links = layer.LinksOf(node);
    for (uint32_t first = 0; first < layer.capacity; first += kBatch) {
      size_t count = 0;
      for (uint32_t i = first; i < std::min<uint32_t>(first + kBatch, layer.capacity); ++i) {
        if (links[i] >= layer.nodes || layer.rows[links[i]] >= rows) break;
        batch_nodes[count] = links[i];
        batch_rows[count] = layer.rows[links[i]];
        Prefetch(scorer.base() + batch_rows[count] * scorer.stride_bytes(), scorer.code_bytes());
        ++count;
      }
      scorer.Score(batch_rows, count, keys);
      for (size_t i = 0; i < count; ++i) {
        if (keys[i] >= best_key) continue;
        best_key = keys[i];
        node = batch_nodes[i];
        nearer = true;
      }
    }
  }
  return node;
}

uint32_t DescendTo(std::span<const GraphLayer> layers, CodeScorer& scorer, size_t rows,
                   size_t below_nodes) {
  uint32_t node = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    node = layers[i].below[GreedyWalk(layers[i], scorer, rows, node)];
    if (node >= (i + 1 < layers.size() ? layers[i + 1].nodes : below_nodes)) node = 0;
  }
  return node;
}

}  // namespace granary
