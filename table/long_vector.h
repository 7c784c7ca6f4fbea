// Charged vectors of which one value may need gigabytes, such as the elements of an array or the
// slots of a hash table: they are filled and grown in stretches, with a check between them whether
// the task has been cancelled, as the memory alone takes a second for a few gigabytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include "granary/table/memory_tracker.h"
#include "granary/table/task_context.h"

namespace granary {

// Of so few elements nothing is different.
inline constexpr size_t kFilledAtOnce = size_t{1} << 12;

// Makes room for `capacity` elements, those that are there included.
template <class T>
void ReserveLong(ChargedVector<T>& vector, size_t capacity) {
  if (capacity <= vector.capacity()) return;
  ChargedVector<T> moved;
  moved.reserve(capacity);
  ForStretches(vector.size(), [&](size_t begin, size_t end) {
    moved.insert(moved.end(), std::make_move_iterator(vector.data() + begin),
                 std::make_move_iterator(vector.data() + end));
  });
  vector = std::move(moved);
}

// Room for `count` more, growing as push_back does.
template <class T>
void GrowLong(ChargedVector<T>& vector, size_t count) {
  if (count <= vector.capacity() - vector.size()) return;
  ReserveLong(vector, vector.size() + std::max(vector.size(), count));
}

// vector.push_back(value)
template <class T>
void PushBackLong(ChargedVector<T>& vector, const T& value) {
  if (vector.size() == vector.capacity()) GrowLong(vector, 1);
  vector.push_back(value);
}

// Appends `count` copies of the value, which is none of the vector's.
template <class T>
void AppendCopies(ChargedVector<T>& to, size_t count, const T& value) {
  GrowLong(to, count);
  if (count <= kFilledAtOnce) return void(to.insert(to.end(), count, value));
  ForStretches(count, [&](size_t begin, size_t end) { to.insert(to.end(), end - begin, value); });
}

// A vector of `size` times T{}.
template <class T>
ChargedVector<T> FilledVector(size_t size) {
  if (size <= kFilledAtOnce) return ChargedVector<T>(size);
  ChargedVector<T> filled;
  filled.reserve(size);
  ForStretches(size, [&](size_t, size_t end) { filled.resize(end); });
  return filled;
}

template <class T>
void AppendLong(ChargedVector<T>& to, const T* from, size_t count) {
  GrowLong(to, count);
  if (count <= kFilledAtOnce) return void(to.insert(to.end(), from, from + count));
  ForStretches(count,
               [&](size_t begin, size_t end) { to.insert(to.end(), from + begin, from + end); });
}

// to.append(text)
inline void AppendLongText(ChargedString& to, std::string_view text) {
  constexpr size_t kStretchBytes = size_t{1} << 20;
  if (text.size() > kStretchBytes && text.size() > to.capacity() - to.size()) {
    to.reserve(to.size() + text.size());
  }
  for (; text.size() > kStretchBytes; text.remove_prefix(kStretchBytes)) {
    to.append(text.substr(0, kStretchBytes));
    CheckTaskCancelled();
  }
  to.append(text);
}

}  // namespace granary
