// A kind of skip index of one's own: first_byte remembers with which bytes the strings of a block
// begin, and excludes blocks from WHERE word = 'x...', IN and LIKE 'x%'.
#pragma once

#include <bitset>

#include "granary/query/database.h"

namespace granary::example {

using FirstBytes = std::bitset<256>;
// Of an empty string: 0.
inline uint8_t FirstByte(std::string_view text) { return text.empty() ? 0 : text[0]; }

class FirstBytePruner final : public SubIndex, public Pruner {
 public:
  FirstBytePruner(std::string expression, FirstBytes seen)
      : expression_(std::move(expression)), seen_(seen) {}
  const Pruner* pruner() const override { return this; }
  bool MayMatch(const Predicate& predicate) const override {
    return predicate.Judge([this](const PredicateAtom& atom) { return Judge(atom); }).can_be_true;
  }

 private:
  // Errs only towards "may be": an index must never exclude a row that matches.
  Verdict Judge(const PredicateAtom& atom) const {
    const bool is_known = atom.op == PredicateOp::kEqual || atom.op == PredicateOp::kIn ||
                          atom.op == PredicateOp::kStartsWith;
    if (!is_known || atom.expression != expression_) return {};
    for (const Value& constant : atom.constants) {
      const std::string& text = constant.as_string();
      const bool is_any = atom.op == PredicateOp::kStartsWith && text.empty();
      if (is_any || seen_[FirstByte(text)]) return {};
    }
    return {.can_be_true = false, .can_be_false = true};
  }

  const std::string expression_;
  const FirstBytes seen_;
};

class FirstByteBuilder final : public SubIndexBuilder {
 public:
  void AddGranule(const Column& values) override {
    for (size_t row = 0; row < values.size(); ++row) {
      seen_.set(FirstByte(AsStrings(values).At(row)));
    }
  }
  void Finish(const SubIndexInput&, ByteSink& out) override {
    ByteWriter bytes;
    bytes.WriteString(seen_.to_string());
    out.Append(bytes.bytes());
  }

 private:
  FirstBytes seen_;
};

class FirstByteIndex final : public SkipIndex {
 public:
  explicit FirstByteIndex(std::string expression) : expression_(std::move(expression)) {}

  bool CanPrune(const Predicate& predicate) const override {
    return predicate.Mentions(expression_);
  }
  std::string description() const override { return "first_byte"; }
  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<FirstByteBuilder>();
  }
  // The bytes may be damaged: ByteReader checks every length, and we what it cannot know.
  std::shared_ptr<const SubIndex> Open(std::span<const std::byte> bytes,
                                       const SubIndexInput&) const override {
    ByteReader in(bytes, "first_byte index");
    const std::string_view bits = in.ReadString();
    in.ExpectEnd();
    if (bits.size() != 256 || bits.find_first_not_of("01") != bits.npos) {
      in.ThrowCorrupted("not 256 bits");
    }
    return std::make_shared<FirstBytePruner>(expression_, FirstBytes(std::string(bits)));
  }

 private:
  const std::string expression_;
};

class FirstByteKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "first_byte"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings&) const override {
    if (!declaration.expression->type().is_string() || !declaration.arguments.empty()) {
      throw Error(ErrorCode::kIncorrectQuery, "first_byte is over one String, without arguments");
    }
    return std::make_shared<FirstByteIndex>(declaration.expression->text());
  }
};

}  // namespace granary::example
