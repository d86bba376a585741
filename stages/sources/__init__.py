"""Source formats: files in, records out."""
