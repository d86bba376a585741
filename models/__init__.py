"""Models: which model files the stages know, where they come from, where they are stored here."""
