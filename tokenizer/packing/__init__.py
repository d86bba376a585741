"""Training rows: which stretches of documents they are, and in which order they come."""
