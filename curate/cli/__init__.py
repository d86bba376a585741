"""The command line: one file per command, no logic of its own. `app` lists the commands."""
