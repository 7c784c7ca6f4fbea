column v Array(Float32)
set index_granularity 2
