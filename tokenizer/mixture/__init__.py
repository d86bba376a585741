"""What a model sees of each source, and how often."""
