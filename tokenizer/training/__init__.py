"""Tokenizers: learned from counts of pre-tokens, extended, saved."""
