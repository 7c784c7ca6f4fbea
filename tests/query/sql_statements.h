// One statement of every kind and shape, for the tests of the parser and the formatter.
#pragma once

#include <vector>

namespace granary::sql {

// In canonical form: formatting the parsed statement gives the same text.
inline const std::vector<const char*>& CanonicalStatements() {
  static const std::vector<const char*> statements = {
      "SELECT 1",
      "SELECT DISTINCT a AS b, t.*, count(*) FROM db.t AS t FINAL",
      "SELECT * EXCEPT (v) FROM t PREWHERE a > 1 WHERE b = 2 GROUP BY a, b HAVING count() > 1 "
      "ORDER BY a DESC, b NULLS FIRST LIMIT 2 OFFSET 1 BY a LIMIT 10 OFFSET 5 WITH TIES "
      "SETTINGS max_threads = 1, x = 'y'",
      "SELECT a FROM t GROUP BY ALL ORDER BY ALL OFFSET 3",
      "WITH [0.1, 2.] AS ref, c AS (SELECT 1), (SELECT max(a) FROM t) AS m SELECT id FROM c "
      "ORDER BY L2Distance(vec, ref) LIMIT {k:UInt64}",
      "SELECT a FROM numbers(10) AS n, file('x.npy', Npy), (SELECT 1 AS a) AS s CROSS JOIN u",
      "SELECT a FROM t AS x ANY LEFT JOIN u ON x.a = u.a INNER JOIN v USING (a, b) FULL JOIN w "
      "USING (c)",
      "SELECT a FROM t ASOF LEFT JOIN u ON t.a >= u.a SEMI RIGHT JOIN v USING (a) ANTI LEFT JOIN w "
      "USING (a)",
      "SELECT 1 UNION ALL SELECT 2 LIMIT 1 UNION ALL SELECT 3",
      "SELECT 1 UNION DISTINCT SELECT 2",
      "SELECT explain FROM (EXPLAIN indexes = 1 SELECT a FROM t) WHERE explain LIKE '%Skip%'",
      "SELECT a INTO OUTFILE 'x.csv' FORMAT CSV",
      "SELECT 1 SETTINGS a = 1 FORMAT Null SETTINGS b = -2",
      "INSERT INTO t FORMAT Values",
      "INSERT INTO db.t (a, `b c`) SETTINGS x = 1 FORMAT CSV",
      "INSERT INTO t (a) SELECT 1 SETTINGS max_threads = 2",
      "INSERT INTO t FROM INFILE 'data.csv' SETTINGS a = 1 FORMAT CSV",
      "INSERT INTO t FROM INFILE 'data.csv'",
      "CREATE TABLE IF NOT EXISTS db.t\n(\n    id UInt32 PRIMARY KEY,\n    d Date DEFAULT "
      "toDate('2024-01-01') COMMENT 'it\\'s' CODEC(Delta, ZSTD(3)),\n    x DEFAULT 1 + 2,\n    "
      "`index` Array(Float32) CODEC(NONE),\n    INDEX v vec TYPE vector_similarity(hnsw, "
      "'L2Distance', 3, bf16, -1, 0.5) GRANULARITY 100000000,\n    INDEX m (a, b) TYPE minmax,\n   "
      " "
      "CONSTRAINT c CHECK length(vec) = 3\n)\nENGINE = MergeTree\nPARTITION BY "
      "toYYYYMM(d)\nPRIMARY "
      "KEY id\nORDER BY (id, d)\nSETTINGS index_granularity = 3, fsync = 'off'\nCOMMENT 'all'",
      "CREATE TABLE t\n(\n    a UInt8\n)\nENGINE = ReplacingMergeTree(a)\nORDER BY tuple()",
      "CREATE TABLE a AS b\nENGINE = Memory",
      "CREATE VIEW v\nAS SELECT 1",
      "CREATE OR REPLACE VIEW db.v\n(\n    a UInt8,\n    `b c` Array(String)\n)\n(x, y)\nCOMMENT "
      "'it\\'s'\nAS WITH 1 AS q SELECT a, {p:UInt8} FROM t UNION ALL WITH 1 AS q SELECT q, 2",
      "CREATE VIEW IF NOT EXISTS v\n(x)\nAS SELECT a FROM db.w(p = 1, q = [1, 2]) AS w",
      "DROP VIEW IF EXISTS db.v SYNC",
      "EXISTS VIEW v",
      "SHOW CREATE VIEW v",
      "CREATE INDEX IF NOT EXISTS i ON db.t (length(a)) TYPE minmax GRANULARITY 2",
      "DROP TABLE IF EXISTS db.t SYNC",
      "DROP INDEX IF EXISTS i ON t",
      "TRUNCATE TABLE IF EXISTS t",
      "RENAME TABLE a TO b, db.c TO db.d",
      "DETACH TABLE IF EXISTS t",
      "ATTACH TABLE IF NOT EXISTS t",
      "ALTER TABLE t ADD INDEX IF NOT EXISTS i a TYPE minmax GRANULARITY 1 FIRST, ADD INDEX j b + "
      "1 "
      "TYPE set(100) AFTER i, DROP INDEX IF EXISTS k",
      "ALTER TABLE t MATERIALIZE INDEX i IN PARTITION 202401 SETTINGS mutations_sync = 2",
      "ALTER TABLE t CLEAR INDEX IF EXISTS i IN PARTITION (1, 'a')",
      "ALTER TABLE t MODIFY SETTING a = 1, b = 'x', ADD CONSTRAINT c CHECK a > 0, DROP CONSTRAINT "
      "d",
      "ALTER TABLE t UPDATE a = b + 1, c = 'x' WHERE d = 1, DELETE WHERE (a = 1) AND (b = 2)",
      "DELETE FROM t WHERE id IN (1, 2)",
      "DELETE FROM t IN PARTITION 1 WHERE id = 2",
      "ALTER TABLE t DELETE IN PARTITION 'x' WHERE id = 2",
      "ALTER TABLE t DELETE IN PARTITION ID 'x' WHERE exists((SELECT 1))",
      "OPTIMIZE TABLE t PARTITION ID 'x' FINAL",
      "SELECT (a, b) IN (SELECT c, d FROM u), (a, b) > (1, 2)",
      "ALTER TABLE t UPDATE a = b + 1, c = 2 IN PARTITION (1, 'a') WHERE id = 2",
      "ALTER TABLE t UPDATE a = b IN PARTITION x WHERE id = 2",
      "ALTER TABLE t UPDATE a = b IN partition, c = 2 IN PARTITION -1 WHERE id IN partition",
      "ALTER TABLE t ADD INDEX i v TYPE vector_similarity('hnsw', 'L2Distance', allow_empty = 1)",
      "UPDATE t SET a = 1, b = [1, 2] WHERE c",
      "OPTIMIZE TABLE db.t PARTITION 1 FINAL",
      "CHECK TABLE t FORMAT TSV",
      "SHOW TABLES FROM db NOT LIKE 'a%'",
      "SHOW DATABASES",
      "SHOW SETTINGS ILIKE '%hnsw%'",
      "SHOW PROCESSLIST",
      "SHOW CREATE TABLE db.t FORMAT Vertical",
      "SHOW INDEX FROM t",
      "DESCRIBE TABLE db.t",
      "DESCRIBE TABLE file('x.npy')",
      "DESCRIBE TABLE (SELECT 1)",
      "EXISTS TABLE t",
      "USE db",
      "SYSTEM STOP MERGES",
      "SYSTEM WAIT MERGES db.t",
      "SYSTEM DROP VECTOR SIMILARITY INDEX CACHE",
      "SYSTEM FLUSH LOGS",
      "SET a = 1, b = 'x', param_v = [0.5, -1.], c = true, d = -0.25",
      "EXPLAIN SELECT 1",
      "EXPLAIN indexes = 1, header = 1 SELECT a FROM t ORDER BY cosineDistance(v, [1, 2]) LIMIT 3",
      "EXPLAIN AST SELECT 1",
      "EXPLAIN PIPELINE SELECT 1 FORMAT TSV",
      "EXPLAIN ESTIMATE SELECT 1",
      "EXPLAIN RECALL SELECT 1",
      "EXPLAIN SYNTAX SELECT 1",
      "KILL QUERY WHERE query_id = 'x' SYNC",
      "KILL QUERY WHERE 1 ASYNC",
  };
  return statements;
}

}  // namespace granary::sql
