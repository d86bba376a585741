"""Stages: what a document goes through. They know Arrow, not Ray, YAML or run folders."""
