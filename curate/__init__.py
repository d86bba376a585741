"""curate: from raw text to tokens you can trust, in one file and one command.

Rooms, lowest first: `storage`, `kernels`, `models`, `stages`, `tokenizer`, `pipeline`,
`dashboards`, `cli`. A room imports only rooms below it. `docs/architecture.md` is the map.
"""

__version__ = "0.1.0"
