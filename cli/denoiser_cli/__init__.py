"""The command line: words to options, events to words."""
