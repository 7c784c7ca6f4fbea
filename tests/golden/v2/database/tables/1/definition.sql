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
ENGINE = MergeTree
PARTITION BY kind
ORDER BY id
SETTINGS index_granularity = 8, min_bytes_for_wide_part = 0, vector_index_min_rows_for_graph = 0