#include "granary/skipindex/vector_similarity/graph_layer.h"

#include <algorithm>
#include <cstring>

namespace granary {
namespace {

constexpr size_t kCacheLine = 64;
// So many nodes of the lowest upper layer are looked at for each of the width of a search. From
// node to node alone, a search begins in the wrong cluster now and then, and a cluster of more rows
// than the search is wide is not left again: 4 of 300 queries among 100 far clusters of 300 rows,
// at any width. Rows far apart in memory are fetched while others are measured, and a better
// beginning saves steps: GloVe-100 takes as long with and without. Long codes cost more.
constexpr size_t kSamplePerWidth = 4;
constexpr size_t kSampleMax = 512;
constexpr size_t kSampleBytesMax = 1 << 15;
// Of more candidates for each that is taken, a heap finds those to take faster than a partition.
constexpr size_t kFewTaken = 8;

void Prefetch(const std::byte* data, size_t bytes) {
  for (size_t offset = 0; offset < bytes; offset += kCacheLine) __builtin_prefetch(data + offset);
}

}  // namespace

void Beam::Reset(size_t nodes, size_t width) {
  for (size_t i = 0; i < seen_size_; ++i) seen_bits_[seen_[i].node() >> 6] = 0;
  seen_size_ = 0;
  const size_t words = (nodes + 63) / 64;
  if (seen_bits_.size() < words) seen_bits_.resize(words);
  if (entries_.size() < width + 1) entries_.resize(width + 1);
  width_ = width;
  size_ = 0;
  next_ = 0;
}

size_t Beam::heap_bytes() const {
  return (entries_.capacity() + seen_.capacity()) * sizeof(BeamEntry) +
         seen_bits_.capacity() * sizeof(uint64_t) +
         (batch_.capacity() + keys_.capacity()) * sizeof(uint32_t);
}

size_t Beam::Offer(BeamEntry entry) {
  if (size_ == width_) {
    if (!(entry < entries_[size_ - 1])) return size_;
    --size_;
  }
  BeamEntry* place = entries_.data();
  for (size_t left = size_; left > 0;) {
    const size_t half = (left + 1) / 2;
    place += place[half - 1] < entry ? half : 0;
    left -= half;
  }
  const auto index = static_cast<size_t>(place - entries_.data());
  std::memmove(static_cast<void*>(place + 1), place, (size_ - index) * sizeof(BeamEntry));
  *place = entry;
  ++size_;
  next_ = std::min(next_, index);
  return index;
}

void Beam::Add(uint32_t node, CodeScorer& scorer) {
  uint64_t& word = seen_bits_[node >> 6];
  const uint64_t bit = uint64_t{1} << (node & 63);
  if ((word & bit) != 0) return;
  word |= bit;
  uint32_t key;
  scorer.Score(&node, 1, &key);
  if (seen_.size() == seen_size_) seen_.resize(2 * seen_size_ + 64);
  seen_[seen_size_++] = {key, node};
  Offer({key, node});
}

// Fills batch_ with the linked nodes that were not seen before.
size_t Beam::CollectUnseen(const GraphLayer& layer, uint32_t node) {
  const uint32_t* links = layer.LinksOf(node);
  uint32_t* batch = batch_.data();
  uint64_t* seen_bits = seen_bits_.data();
  size_t count = 0;
  for (uint32_t i = 0; i < layer.capacity; ++i) {
    const uint32_t linked = links[i];
    if (linked >= layer.nodes) break;
    uint64_t& word = seen_bits[linked >> 6];
    const uint64_t seen = word >> (linked & 63) & 1;
    word |= uint64_t{1} << (linked & 63);
    batch[count] = linked;
    count += 1 - seen;
  }
  return count;
}

void Beam::MoveToNext() {
  while (next_ < size_ && entries_[next_].expanded()) ++next_;
}

bool Beam::Walk(const GraphLayer& layer, CodeScorer& scorer, size_t max_hops) {
  const size_t link_bytes = layer.capacity * sizeof(uint32_t);
  const auto prefetch_links = [&](BeamEntry entry) {
    Prefetch(reinterpret_cast<const std::byte*>(layer.LinksOf(entry.node())), link_bytes);
  };
  if (batch_.size() < layer.capacity) {
    batch_.resize(layer.capacity);
    keys_.resize(layer.capacity);
  }
  MoveToNext();
  for (size_t hop = 0; hop < max_hops; ++hop) {
    if (next_ == size_) return false;
    const uint32_t node = entries_[next_].node();
    entries_[next_].set_expanded();
    const size_t count = CollectUnseen(layer, node);
    for (size_t i = 0; i < count; ++i) {
      Prefetch(scorer.base() + batch_[i] * scorer.stride_bytes(), scorer.code_bytes());
    }
    MoveToNext();
    if (next_ < size_) prefetch_links(entries_[next_]);
    scorer.Score(batch_.data(), count, keys_.data());
    if (seen_.size() < seen_size_ + count) seen_.resize(2 * (seen_size_ + count));
    for (size_t i = 0; i < count; ++i) {
      const BeamEntry entry(keys_[i], batch_[i]);
      seen_[seen_size_ + i] = entry;
      if (Offer(entry) <= next_) prefetch_links(entry);
    }
    seen_size_ += count;
    MoveToNext();
  }
  return next_ < size_;
}

bool Beam::Widen(size_t width) {
  if (width <= width_ || size_ < width_) return false;
  // The beam holds the nearest of all nodes seen: the others are beyond its end.
  const BeamEntry last = entries_[size_ - 1];
  std::vector<BeamEntry> beyond;
  beyond.reserve(seen_size_);
  for (size_t i = 0; i < seen_size_; ++i) {
    if (seen_[i].IsBeyond(last)) beyond.push_back(seen_[i]);
  }
  if (beyond.empty()) return false;
  const size_t taken = std::min(beyond.size(), width - size_);
  const auto end = beyond.begin() + static_cast<ptrdiff_t>(taken);
  if (taken * kFewTaken < beyond.size()) {
    std::partial_sort(beyond.begin(), end, beyond.end());
  } else {
    std::nth_element(beyond.begin(), end, beyond.end());
    std::sort(beyond.begin(), end);
  }
  if (entries_.size() < width + 1) entries_.resize(width + 1);
  std::copy(beyond.begin(), end, entries_.data() + size_);
  size_ += taken;
  width_ = width;
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

namespace {

// The nearest to the query of `node` and of `count` nodes that lie evenly in the layer.
uint32_t NearestOfSample(const GraphLayer& layer, CodeScorer& scorer, size_t rows, uint32_t node,
                         size_t count) {
  constexpr size_t kBatch = 64;
  uint32_t nodes[kBatch];
  uint32_t batch_rows[kBatch];
  uint32_t keys[kBatch];
  uint32_t nearest = node;
  uint32_t nearest_key = 0xFFFFFFFF;
  for (size_t next = 0; next <= count;) {
    size_t size = 0;
    for (; size < kBatch && next <= count; ++next) {
      const auto other =
          next == count ? node : static_cast<uint32_t>(next * uint64_t{layer.nodes} / count);
      if (layer.rows[other] >= rows) continue;
      nodes[size] = other;
      batch_rows[size] = layer.rows[other];
      Prefetch(scorer.base() + batch_rows[size] * scorer.stride_bytes(), scorer.code_bytes());
      ++size;
    }
    scorer.Score(batch_rows, size, keys);
    for (size_t i = 0; i < size; ++i) {
      if (keys[i] >= nearest_key) continue;
      nearest_key = keys[i];
      nearest = nodes[i];
    }
  }
  return nearest;
}

}  // namespace

uint32_t DescendTo(std::span<const GraphLayer> layers, CodeScorer& scorer, size_t rows,
                   size_t below_nodes, size_t width) {
  uint32_t node = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (i + 1 == layers.size()) {
      const size_t count = std::min({kSamplePerWidth * width, kSampleMax,
                                     kSampleBytesMax / std::max<size_t>(scorer.code_bytes(), 1),
                                     size_t{layers[i].nodes}});
      node = NearestOfSample(layers[i], scorer, rows, node, count);
    }
    node = GreedyWalk(layers[i], scorer, rows, node);
    node = layers[i].below[node];
    if (node >= (i + 1 < layers.size() ? layers[i + 1].nodes : below_nodes)) node = 0;
  }
  return node;
}

}  // namespace granary
