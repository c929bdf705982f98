"""Files to pictures and back; the only room that knows Pillow and its like."""
