"""The command line: words in, one call, the answer shown."""
