column a UInt64
set index_granularity 4
