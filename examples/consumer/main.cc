// Uses an installed Granary: a table in memory, two vectors, one search.
#include <cstdio>
#include <vector>

#include "granary/query/database.h"

int main() {
  try {
    auto database = granary::Database::Open({});
    database->Execute(
        "CREATE TABLE points (id UInt32, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree ORDER BY id");
    database->Execute("INSERT INTO points VALUES (1, [0, 0]), (2, [3, 4])");

    auto search = database->Prepare(
        "SELECT id, L2Distance(v, {q:Array(Float32)}) AS distance FROM points "
        "ORDER BY distance LIMIT 1");
    search.Bind("q", std::vector<float>{3, 3});
    const granary::Block nearest = search.Execute().ReadAll();
    std::printf("nearest: %u at distance %g\n",
                granary::AsNumbers<uint32_t>(*nearest.Get("id")).data()[0],
                static_cast<double>(granary::AsNumbers<float>(*nearest.Get("distance")).data()[0]));
  } catch (const granary::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
