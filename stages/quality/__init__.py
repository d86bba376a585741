"""Filters on the quality of a single document."""
