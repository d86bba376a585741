"""Editors: what a text loses or gains before anything measures it."""
