"""The engine: YAML -> spec -> DAG -> plan -> steps of jobs -> ledger -> run folder."""
