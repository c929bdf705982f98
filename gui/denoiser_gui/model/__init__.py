"""Window logic without Qt: frozen values and plain functions, tested without a display."""
