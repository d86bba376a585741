"""Documents to ids, and which split they belong to."""
