"""After the documents: jobs that count, train, encode, mix, pack, and what looks at results."""
