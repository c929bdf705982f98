"""Widgets: they show what the desk holds and tell it what a person did; they never compute, nor see the engine."""
