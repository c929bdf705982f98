"""Work on many files."""
