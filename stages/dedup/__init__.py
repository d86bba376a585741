"""Exchanges that find copies across documents."""
