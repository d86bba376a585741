"""Tokenizers and token files: train, encode, write what trainers read."""
