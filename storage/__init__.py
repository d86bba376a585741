"""Files: fsspec paths, atomic publishing, deterministic Parquet, and the schema of a document."""
