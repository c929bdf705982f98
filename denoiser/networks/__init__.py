"""The networks themselves: nn.Module and nothing else."""
