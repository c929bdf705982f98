"""Widgets: they show what the controller holds and pass user input on to it. No computation, no engine imports."""
