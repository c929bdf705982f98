"""One module per verb, named after it, each with a click command named `command`; loaded when it is called."""
