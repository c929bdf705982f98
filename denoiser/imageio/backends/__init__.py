"""What decodes and encodes, one module for each library; imported only when a file needs it."""
