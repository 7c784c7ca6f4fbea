-- The database of every format version: vN/database/ was written by the runner of that version with
--   granary --path tests/golden/vN/database --queries-file tests/golden/database.sql
CREATE TABLE words
(
    id UInt64,
    kind UInt8,
    word String,
    added Date,
    tags Array(String),
    v Array(Float32),
    w Array(BFloat16),
    INDEX least id TYPE minmax GRANULARITY 1,
    INDEX some word TYPE set(100) GRANULARITY 1,
    INDEX bloom word TYPE bloom_filter GRANULARITY 1,
    INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 4) GRANULARITY 2
)
ENGINE = MergeTree PARTITION BY kind ORDER BY id
SETTINGS index_granularity = 8, min_bytes_for_wide_part = 0, vector_index_min_rows_for_graph = 0;
INSERT INTO words SELECT number, number % 2, concat('word ', toString(number)), toDate('2024-01-01') + number, [toString(number % 3), 'all'],
    [number % 7, number % 5, number % 3, number], [number, 1] FROM numbers(60);
INSERT INTO words SELECT number, number % 2, concat('word ', toString(number)), toDate('2024-01-01') + number, [],
    [number % 7, number % 5, number % 3, number], [number, 1] FROM numbers(60, 20);
DELETE FROM words WHERE id % 10 = 3;
ALTER TABLE words UPDATE word = 'changed' WHERE id = 17;
CREATE TABLE small (a UInt64, s String DEFAULT 'none') ENGINE = MergeTree ORDER BY a;
INSERT INTO small (a) VALUES (1), (2), (3);
CREATE TABLE merged (a UInt64) ENGINE = MergeTree ORDER BY a;
INSERT INTO merged VALUES (1), (3);
INSERT INTO merged VALUES (2);
OPTIMIZE TABLE merged FINAL;
DELETE FROM merged WHERE a = 2;
CREATE TABLE gone (a UInt64) ENGINE = MergeTree ORDER BY a;
DROP TABLE gone;
RENAME TABLE small TO little;
