"""What the window shows, without the window: plain values and plain rules, tested without Qt."""
