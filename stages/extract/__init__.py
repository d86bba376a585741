"""HTML to text, under one small contract."""
