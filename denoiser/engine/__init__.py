"""One picture to clean pixels."""
