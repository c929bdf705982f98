"""The networks: nn.Module, and what is computed around them without torch."""
