// Random inserts, deletes, updates, merges, index changes, truncates, restarts and selects against
// a plain vector.
//
// Takes GRANARY_MODEL_STEPS steps (1000 by default); GRANARY_SEED replays a run.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "granary/tests/stress/stress_database.h"

namespace granary {
namespace {

using granary::testing::Distance;
using granary::testing::MakeColumn;
using granary::testing::StressDatabase;
using granary::testing::VectorText;
using granary::testing::VectorValue;

constexpr size_t kDimensions = 4;

struct ModelRow {
  uint64_t id = 0;
  int64_t group = 0;
  std::string name;
  std::vector<float> vector;
};

class ModelTest : public ::testing::Test {
 protected:
  void CreateTable() {
    db_.Run(
        "CREATE TABLE m (id UInt64, g Int32, name String, v Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 4)) "
        "ENGINE = MergeTree PARTITION BY g ORDER BY name "
        "SETTINGS index_granularity = 4, vector_index_min_rows_for_graph = 0, "
        "min_bytes_for_wide_part = 2000, merge_max_block_size = 8");
  }

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  std::vector<float> RandomVector() {
    std::vector<float> vector(kDimensions);
    for (float& value : vector) value = static_cast<float>(Below(512)) / 64.0f - 4.0f;
    return vector;
  }

  std::vector<ModelRow> RandomRows() {
    std::vector<ModelRow> rows(1 + Below(30));
    for (ModelRow& row : rows) {
      row.id = ++last_id_;
      row.group = static_cast<int64_t>(Below(3)) - 1;
      row.name = std::string(Below(4), 'x').append(std::to_string(Below(50)));
      row.vector = RandomVector();
    }
    return rows;
  }

  void InsertBlock() {
    const std::vector<ModelRow> rows = RandomRows();
    Block block(rows.size());
    block.Add("name",
              MakeColumn(TypeId::kString, rows.size(), [&](size_t row) { return rows[row].name; }));
    block.Add("id",
              MakeColumn(TypeId::kUInt64, rows.size(), [&](size_t row) { return rows[row].id; }));
    block.Add("g",
              MakeColumn(TypeId::kInt32, rows.size(), [&](size_t row) { return rows[row].group; }));
    block.Add("v", MakeColumn(DataType::Array(TypeId::kFloat32), rows.size(),
                              [&](size_t row) { return VectorValue(rows[row].vector); }));
    db_->Insert("m", block);
    model_.insert(model_.end(), rows.begin(), rows.end());
  }

  std::string ValuesOf(const std::vector<ModelRow>& rows) {
    std::string sql = "INSERT INTO m (id, g, name, v) VALUES ";
    for (const ModelRow& row : rows) {
      sql += "(" + std::to_string(row.id) + ", " + std::to_string(row.group) + ", '" + row.name +
             "', " + VectorText(row.vector) + ") ";
    }
    return sql;
  }

  void InsertValues() {
    const std::vector<ModelRow> rows = RandomRows();
    db_.Run(ValuesOf(rows));
    model_.insert(model_.end(), rows.begin(), rows.end());
  }

  // Only the index wants all vectors to have one length.
  void InsertThatFails() {
    if (!has_index_) return;
    std::vector<ModelRow> rows = RandomRows();
    rows[Below(rows.size())].vector.pop_back();
    EXPECT_THROW(db_.Run(ValuesOf(rows)), Error);
  }

  void InsertSelect() {
    db_.Run("INSERT INTO m SELECT id + " + std::to_string(last_id_) +
            ", g, name, v FROM m WHERE g = 1");
    const size_t rows = model_.size();
    for (size_t i = 0; i < rows; ++i) {
      if (model_[i].group != 1) continue;
      ModelRow copy = model_[i];
      copy.id += last_id_;
      model_.push_back(copy);
    }
    last_id_ *= 2;
  }

  void Truncate() {
    db_.Run("TRUNCATE TABLE m");
    model_.clear();
  }

  // A condition, and what it says of a row.
  std::pair<std::string, std::function<bool(const ModelRow&)>> RandomCondition() {
    const uint64_t modulus = 2 + Below(20);
    const uint64_t rest = Below(modulus);
    const int64_t group = static_cast<int64_t>(Below(3)) - 1;
    switch (Below(8)) {
      case 0:
        return {"g = " + std::to_string(group),
                [=](const ModelRow& row) { return row.group == group; }};
      case 1:
        return {"name > 'xx' AND id % 2 = 0",
                [](const ModelRow& row) { return row.name > "xx" && row.id % 2 == 0; }};
      case 2: {
        const uint64_t from = Below(last_id_ + 1);
        return {"id >= " + std::to_string(from) + " AND id < " + std::to_string(from + 9),
                [=](const ModelRow& row) { return row.id >= from && row.id < from + 9; }};
      }
      default:
        return {"id % " + std::to_string(modulus) + " = " + std::to_string(rest),
                [=](const ModelRow& row) { return row.id % modulus == rest; }};
    }
  }

  void Delete() {
    const auto [condition, matches] = RandomCondition();
    db_.Run("DELETE FROM m WHERE " + condition);
    rows_deleted_ += std::erase_if(model_, matches);
  }

  // ALTER TABLE ... DELETE and UPDATE, and UPDATE ... SET.
  void Mutate() {
    const auto [condition, matches] = RandomCondition();
    if (Below(3) == 0) {
      db_.Run("ALTER TABLE m DELETE WHERE " + condition);
      rows_deleted_ += std::erase_if(model_, matches);
      return;
    }
    const std::vector<float> vector = RandomVector();
    db_.Run((Below(2) ? "ALTER TABLE m UPDATE v = " : "UPDATE m SET v = ") + VectorText(vector) +
            " WHERE " + condition);
    for (ModelRow& row : model_) {
      if (!matches(row)) continue;
      row.vector = vector;
      ++rows_updated_;
    }
  }

  // The nearest rows go, and are not found again.
  void DeleteNearest() {
    const std::string query = VectorText(RandomVector());
    const Block found = db_.Rows("SELECT id FROM m ORDER BY L2Distance(v, " + query + ") LIMIT 5");
    if (found.rows() == 0) return;
    std::string list;
    std::set<uint64_t> ids;
    for (size_t row = 0; row < found.rows(); ++row) {
      ids.insert(found.column(0)->ValueAt(row).as_uint());
      list += (row == 0 ? "" : ", ") + std::to_string(found.column(0)->ValueAt(row).as_uint());
    }
    db_.Run("DELETE FROM m WHERE id IN (" + list + ")");
    rows_deleted_ +=
        std::erase_if(model_, [&](const ModelRow& row) { return ids.contains(row.id); });
    const Block next = db_.Rows("SELECT id FROM m ORDER BY L2Distance(v, " + query + ") LIMIT 5");
    ASSERT_EQ(next.rows(), std::min<size_t>(5, model_.size()));
    for (size_t row = 0; row < next.rows(); ++row) {
      ASSERT_FALSE(ids.contains(next.column(0)->ValueAt(row).as_uint()));
    }
  }

  void CheckAllRows() {
    const Block rows = db_.Rows("SELECT id, g, name, v FROM m ORDER BY id");
    ASSERT_EQ(rows.rows(), model_.size());
    std::map<uint64_t, const ModelRow*> by_id;
    for (const ModelRow& row : model_) by_id[row.id] = &row;
    size_t i = 0;
    for (const auto& [id, row] : by_id) {
      ASSERT_EQ(rows.column(0)->ValueAt(i).as_uint(), id);
      ASSERT_EQ(CompareValues(rows.column(1)->ValueAt(i), Value(row->group)), 0);
      ASSERT_EQ(rows.column(2)->ValueAt(i).as_string(), row->name);
      ASSERT_EQ(CompareValues(rows.column(3)->ValueAt(i), VectorValue(row->vector)), 0);
      ++i;
    }
  }

  void CheckFilter() {
    const uint64_t from = Below(last_id_ + 1);
    const std::string name = std::string("x").append(std::to_string(Below(50)));
    const auto matches = [&](const ModelRow& row) { return row.id >= from && row.name > name; };
    const auto expected = std::count_if(model_.begin(), model_.end(), matches);
    EXPECT_EQ(db_.Number("SELECT count() FROM m WHERE id >= " + std::to_string(from) +
                         " AND name > '" + name + "'"),
              static_cast<uint64_t>(expected));
  }

  void CheckGroups() {
    std::map<int64_t, std::pair<uint64_t, uint64_t>> expected;  // rows and sum of ids
    for (const ModelRow& row : model_) {
      ++expected[row.group].first;
      expected[row.group].second += row.id;
    }
    const Block groups = db_.Rows("SELECT g, count(), sum(id) FROM m GROUP BY g ORDER BY g");
    ASSERT_EQ(groups.rows(), expected.size());
    size_t i = 0;
    for (const auto& [group, values] : expected) {
      EXPECT_EQ(CompareValues(groups.column(0)->ValueAt(i), Value(group)), 0);
      EXPECT_EQ(groups.column(1)->ValueAt(i).as_uint(), values.first);
      EXPECT_EQ(groups.column(2)->ValueAt(i).as_uint(), values.second);
      ++i;
    }
  }

  // The k nearest with a filter: as many as there are, each of them right; without skip indexes
  // exactly the nearest.
  void CheckSearch(bool exact) {
    const std::vector<float> query = RandomVector();
    const int64_t group = static_cast<int64_t>(Below(3)) - 1;
    const uint64_t limit = 1 + Below(20);
    const Block found =
        db_.Rows("SELECT id, L2Distance(v, " + VectorText(query) +
                 ") AS d FROM m WHERE g = " + std::to_string(group) + " ORDER BY d LIMIT " +
                 std::to_string(limit) + (exact ? " SETTINGS use_skip_indexes = 0" : ""));
    std::map<uint64_t, double> distances;
    std::vector<double> nearest;
    for (const ModelRow& row : model_) {
      if (row.group != group) continue;
      distances[row.id] = Distance(row.vector, query);
      nearest.push_back(distances[row.id]);
    }
    std::sort(nearest.begin(), nearest.end());
    ASSERT_EQ(found.rows(), std::min<uint64_t>(limit, distances.size()));
    std::set<uint64_t> ids;
    for (size_t row = 0; row < found.rows(); ++row) {
      const uint64_t id = found.column(0)->ValueAt(row).as_uint();
      const double distance = found.column(1)->ValueAt(row).as_double();
      ASSERT_TRUE(ids.insert(id).second) << "row " << id << " twice";
      ASSERT_TRUE(distances.contains(id)) << "row " << id << " does not match";
      ASSERT_NEAR(distance, distances[id], 1e-5);
      ASSERT_GE(distance, nearest[row] - 1e-5);
      ASSERT_TRUE(!exact || distance < nearest[row] + 1e-5);
    }
  }

  void ChangeIndex() {
    if (has_index_ && Below(3) == 0) {
      db_.Run("ALTER TABLE m DROP INDEX near");
      has_index_ = false;
    } else if (!has_index_) {
      db_.Run("ALTER TABLE m ADD INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 4)");
      has_index_ = true;
    } else {
      db_.Run(Below(2) ? "ALTER TABLE m CLEAR INDEX near" : "ALTER TABLE m MATERIALIZE INDEX near");
    }
  }

  void Step() {
    const uint64_t choice = Below(100);
    if (choice < 14) return InsertBlock();
    if (choice < 21) return InsertValues();
    if (choice < 24) return Delete();
    if (choice < 26) return Mutate();
    if (choice < 28) return DeleteNearest();
    if (choice < 31) return InsertThatFails();
    if (choice < 32) return model_.size() < 500 && last_id_ < 1 << 30 ? InsertSelect() : Truncate();
    if (choice < 35) return db_.Run("OPTIMIZE TABLE m FINAL");
    if (choice < 38) return db_.Run("SYSTEM WAIT MERGES m");
    if (choice < 43) return ChangeIndex();
    if (choice < 46) return db_.Restart();
    if (choice < 49) return db_.CutPower();
    if (choice < 50) return Truncate();
    if (choice < 60) return CheckAllRows();
    if (choice < 70) return CheckFilter();
    if (choice < 75) return CheckGroups();
    CheckSearch(choice < 85);
  }

  const uint64_t seed_ = SeedOfThisRun();
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, "GRANARY_SEED=" + std::to_string(seed_)};
  std::mt19937_64 random_{seed_};
  StressDatabase db_{2};
  std::vector<ModelRow> model_;
  uint64_t last_id_ = 0;
  uint64_t rows_deleted_ = 0;
  uint64_t rows_updated_ = 0;
  bool has_index_ = true;
};

TEST_F(ModelTest, TheDatabaseAgreesWithAVector) {
  CreateTable();
  const uint64_t steps = NumberFromEnvironment("GRANARY_MODEL_STEPS", 1000);
  for (uint64_t step = 0; step < steps; ++step) {
    Step();
    if (HasFailure()) FAIL() << "at step " << step;
  }
  CheckAllRows();
  CheckGroups();
  db_.CutPower();
  CheckAllRows();
  EXPECT_GT(last_id_, 0u);
  EXPECT_GT(rows_deleted_, 0u);
  EXPECT_GT(rows_updated_, 0u);
}

}  // namespace
}  // namespace granary
