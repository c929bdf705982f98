"""What `denoise doctor` knows: an examination of this machine and this installation, in parts, and its page."""
