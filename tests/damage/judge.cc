#include "granary/tests/damage/judge.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace granary::testing {
namespace {

constexpr size_t kFaultsAtMost = 10;

bool Has(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : " | ") + line;
  return text;
}

// One damaged database, opened.
class Case {
 public:
  Case(const Store& store, const Damage& damage, const Trial& trial)
      : store_(store), damage_(damage), trial_(trial), disk_(store.Copy()) {}

  Verdict Run() {
    try {
      damage_.Apply(*disk_);
      if (Open()) RunOpened();
    } catch (const Error& error) {
      Blame("an error where there should be none: {}", error.what());
    } catch (const std::exception& error) {
      Blame("not an error of Granary: {}", error.what());
    }
    return verdict_;
  }

 private:
  template <class... Values>
  void Blame(fmt::format_string<Values...> format, Values&&... values) {
    if (verdict_.fault) return;
    verdict_.fault = fmt::format(format, std::forward<Values>(values)...);
  }

  bool Open() {
    try {
      using Mode = OpenDatabase::Mode;
      database_ =
          std::make_unique<OpenDatabase>(disk_, trial_.read_only ? Mode::kRead : Mode::kWrite);
      return true;
    } catch (const Error& error) {
      verdict_.outcome = Outcome::kRefused;
      const std::string message = error.what();
      if (!NamesTheDamage(message)) Blame("refused without a name: {}", message);
      if (!damage_.Touches("/d/catalog")) Blame("refused for damage of one table: {}", message);
      if (!Has(message, "DatabaseOptions::restore")) Blame("what now? {}", message);
      if (!trial_.read_only && !verdict_.fault) OpenToRestore();
      return false;
    }
  }

  // All tables are found, with all their rows; it is told that there was something to restore.
  void OpenToRestore() {
    OpenDatabase restored(disk_, OpenDatabase::Mode::kRestore);
    if (restored.warnings().empty()) Blame("restored in silence");
    CompareRestored(restored);
    for (const auto& [table, directory] : store_.table_directories()) {
      restored.Run(store_.InsertInto(table));
    }
    restored.Close();
    OpenDatabase again(disk_);
    if (!again.warnings().empty()) Blame("restored, but: {}", again.warnings().front());
  }

  void CompareRestored(OpenDatabase& restored) {
    for (size_t i = 0; i < store_.questions().size(); ++i) {
      const auto& [table, sql] = store_.questions()[i];
      if (sql != "SELECT * FROM " + table) continue;
      const std::vector<std::string>& right = store_.AnswersWithout({})[i];
      const std::vector<std::string> rows = restored.Ask(sql);
      if (rows != right) Blame("restored {}: {} instead of {}", table, Join(rows), Join(right));
    }
  }

  void RunOpened() {
    FindHeld();
    missing_ = FindMissing();
    if (verdict_.fault) return;
    const bool answers = CompareAnswers();
    if (!held_.empty()) {
      verdict_.outcome = Outcome::kHeld;
    } else if (!missing_.empty()) {
      verdict_.outcome = Outcome::kDetached;
    } else if (!answers) {
      verdict_.outcome = Outcome::kError;
    } else if (!database_->warnings().empty()) {
      verdict_.outcome = Outcome::kWarned;
    }
    if (verdict_.outcome == Outcome::kError) ExpectCheckTableFindsIt();
    if (trial_.read_only || verdict_.fault) return;
    if (trial_.rewrite) Rewrite();
    for (const std::string& table : held_) Restore(table);
    Insert();
    CompareWithReopened();
  }

  // By its path, or that of the part it is of.
  bool NamesTheDamage(const std::string& message) const {
    if (Has(message, damage_.path) || (!damage_.other.empty() && Has(message, damage_.other))) {
      return true;
    }
    // What lies in a directory that is gone.
    return damage_.kind >= Damage::Kind::kDelete && NamesPartTouched(message);
  }

  bool NamesPartTouched(const std::string& message) const {
    const auto is_named = [&](const std::string& place) {
      return damage_.Touches(place) && Has(message, place);
    };
    return std::any_of(store_.parts().begin(), store_.parts().end(), is_named) ||
           std::any_of(store_.table_directories().begin(), store_.table_directories().end(),
                       [&](const auto& table) { return is_named(table.second); });
  }

  bool IsTouched(const std::string& table) const {
    return damage_.path == "/d/catalog" || damage_.Touches(store_.table_directories().at(table));
  }

  // Tables that cannot be used must say so, and how to go on.
  void FindHeld() {
    for (const auto& [table, directory] : store_.table_directories()) {
      try {
        database_->Ask("DESCRIBE TABLE " + table);
      } catch (const Error& error) {
        held_.insert(table);
        const std::string message = error.what();
        if (!NamesTheDamage(message)) Blame("no use of {} without a name: {}", table, message);
        if (!Has(message, "SYSTEM RESTORE TABLE " + table)) Blame("what now? {}", message);
        if (!database_->HasWarned("'" + table + "'")) Blame("no warning of {}", table);
      }
    }
  }

  // All rows come back; with them, if the log is lost, some that were deleted. It is told.
  void Restore(const std::string& table) {
    try {
      if (database_->Ask("SYSTEM RESTORE TABLE " + table).empty()) Blame("restored in silence");
    } catch (const Error& error) {
      if (!NamesTheDamage(error.what())) Blame("not restored: {}", error.what());
      unusable_.insert(table);
      return;
    }
    for (size_t i = 0; i < store_.questions().size(); ++i) {
      const Store::Question& question = store_.questions()[i];
      if (question.table != table || question.sql != "SELECT * FROM " + table) continue;
      const std::vector<std::string>& right = store_.AnswersWithout({})[i];
      const std::vector<std::string> rows = database_->Ask(question.sql);
      if (!std::includes(rows.begin(), rows.end(), right.begin(), right.end())) {
        Blame("restored rows of {}: {} instead of {}", table, Join(rows), Join(right));
      }
    }
  }

  bool IsHeld(const std::string& part) const {
    return std::any_of(held_.begin(), held_.end(), [&](const std::string& table) {
      return ParentDirectory(part) == store_.table_directories().at(table);
    });
  }

  // Only what was touched may be missing, and that is said.
  PartPaths FindMissing() {
    const PartPaths found = store_.PartsOf(*database_);
    PartPaths missing;
    std::set_difference(store_.parts().begin(), store_.parts().end(), found.begin(), found.end(),
                        std::inserter(missing, missing.end()));
    if (found.size() + missing.size() != store_.parts().size()) Blame("parts that never were");
    std::erase_if(missing, [&](const std::string& part) { return IsHeld(part); });
    for (const std::string& part : missing) {
      if (!damage_.Touches(part)) Blame("part {} is missing, which was not damaged", part);
      if (!database_->HasWarned(NameOf(part))) Blame("part {} is missing in silence", part);
      if (trial_.read_only) continue;
      const std::string detached =
          JoinPath(JoinPath(ParentDirectory(part), "detached"), NameOf(part));
      if (!disk_->Exists(detached + ".reason")) Blame("there is no {}.reason", detached);
      if (damage_.kind != Damage::Kind::kDelete && !disk_->Exists(detached)) {
        Blame("{} is not there", detached);
      }
    }
    return missing;
  }

  // False if one was an error.
  bool CompareAnswers() {
    bool all_answered = true;
    const Answers& right = store_.AnswersWithout(missing_);
    for (size_t i = 0; i < right.size(); ++i) {
      const auto& [table, sql] = store_.questions()[i];
      // Of the other tables the first.
      const bool is_other = !IsTouched(table) && i > 0 && store_.questions()[i - 1].table == table;
      if (is_other || held_.contains(table)) continue;
      try {
        const std::vector<std::string> answer = database_->Ask(sql);
        if (answer == right[i]) continue;
        Blame("wrong rows of {}: {} instead of {}", sql, Join(answer), Join(right[i]));
      } catch (const Error& error) {
        all_answered = false;
        if (!NamesTheDamage(error.what())) Blame("{} fails without a name: {}", sql, error.what());
      }
    }
    return all_answered;
  }

  void ExpectCheckTableFindsIt() {
    for (const auto& [table, directory] : store_.table_directories()) {
      for (const std::string& line : database_->Ask("CHECK TABLE " + table)) {
        if (NamesTheDamage(line)) return;
      }
    }
    Blame("a statement fails, but CHECK TABLE finds nothing");
  }

  // A merge of damaged parts fails, or has all their rows; nothing is lost either way.
  void Rewrite() {
    for (const auto& [table, directory] : store_.table_directories()) {
      if (held_.contains(table)) continue;
      try {
        database_->Run("OPTIMIZE TABLE " + table + " FINAL");
      } catch (const Error& error) {
        if (!NamesTheDamage(error.what())) Blame("OPTIMIZE fails: {}", error.what());
      }
    }
    if (!verdict_.fault) CompareAnswers();
    if (verdict_.fault) verdict_.fault = "after OPTIMIZE: " + *verdict_.fault;
  }

  void Insert() {
    for (const auto& [table, directory] : store_.table_directories()) {
      if (unusable_.contains(table) || !(IsTouched(table) || trial_.rewrite)) continue;
      try {
        database_->Run(store_.InsertInto(table));
      } catch (const Error& error) {
        Blame("table {} cannot be written to: {}", table, error.what());
      }
    }
  }

  // The number of rows, or that there is none because of the damage.
  std::vector<std::string> Counts(OpenDatabase& database) {
    std::vector<std::string> counts;
    for (const auto& [table, directory] : store_.table_directories()) {
      if (unusable_.contains(table)) continue;
      counts.push_back(database.Ask("SELECT count() FROM " + table).front());
    }
    return counts;
  }

  // What was recovered once is not recovered again, and what was written is there.
  void CompareWithReopened() {
    if (verdict_.fault) return;
    const std::vector<std::string> counts = Counts(*database_);
    database_->Close();
    OpenDatabase again(disk_, OpenDatabase::Mode::kRead);
    const std::vector<std::string> counts_again = Counts(again);
    if (counts != counts_again) {
      Blame("opened again: {} instead of {} rows", Join(counts_again), Join(counts));
    }
    for (const std::string& part : missing_) {
      if (again.HasWarned(NameOf(part) + " ")) Blame("opened again, part {} is missed again", part);
    }
  }

  const Store& store_;
  const Damage& damage_;
  const Trial trial_;
  const std::shared_ptr<SimulatedDisk> disk_;
  std::unique_ptr<OpenDatabase> database_;
  PartPaths missing_;
  std::set<std::string> held_;      // tables that cannot be used until they are restored
  std::set<std::string> unusable_;  // of these, those of which nothing is left to restore
  Verdict verdict_;
};

}  // namespace

Verdict Judge(const Store& store, const Damage& damage, const Trial& trial) {
  return Case(store, damage, trial).Run();
}

void Tally::Try(const Store& store, const Damage& damage, const Trial& trial) {
  const Verdict verdict = Judge(store, damage, trial);
  ++counts_[static_cast<size_t>(verdict.outcome)];
  if (!verdict.fault || faults_ >= kFaultsAtMost) return;
  ++faults_;
  ADD_FAILURE() << *verdict.fault << "\n  opened for "
                << (trial.read_only ? "reading"
                    : trial.rewrite ? "rewriting"
                                    : "writing")
                << "; to replay: GRANARY_DAMAGE='" << store.name() << " " << damage.text()
                << "' damage_test --gtest_filter=Damage.Replay";
}

void Tally::TryBoth(const Store& store, const Damage& damage) {
  Try(store, damage, {.read_only = true});
  Try(store, damage, {.rewrite = cases() % 8 == 1});
}

size_t Tally::cases() const { return std::accumulate(counts_.begin(), counts_.end(), size_t{0}); }

std::string Tally::text() const {
  return fmt::format("{} cases: {} right, {} warned, {} errors, {} detached, {} held, {} refused",
                     cases(), count(Outcome::kRight), count(Outcome::kWarned),
                     count(Outcome::kError), count(Outcome::kDetached), count(Outcome::kHeld),
                     count(Outcome::kRefused));
}

}  // namespace granary::testing
