"""Where jobs run: `inline` (one child process), `simulated` (seeded disorder, for tests), `ray`."""
