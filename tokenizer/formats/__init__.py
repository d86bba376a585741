"""Tokenizers in the file formats of other libraries."""
