CREATE TABLE wide
(
    id UInt64,
    p UInt8,
    u UInt64,
    i Int32,
    f Float64,
    s String,
    b Bool,
    d Date,
    t DateTime,
    w Array(String),
    v Array(Float32),
    o Array(Float32),
    INDEX m u TYPE minmax GRANULARITY 1,
    INDEX k i TYPE set(10) GRANULARITY 2,
    INDEX h s TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 2) GRANULARITY 100000000,
    INDEX some o TYPE vector_similarity('hnsw', 'L2Distance', 2, allow_empty = 1) GRANULARITY 100000000
)
ENGINE = MergeTree
PARTITION BY p
ORDER BY id
SETTINGS index_granularity = 4, min_bytes_for_wide_part = 0, vector_index_min_rows_for_graph = 0