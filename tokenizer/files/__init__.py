"""Token files: written, described, read, checked, exported."""
