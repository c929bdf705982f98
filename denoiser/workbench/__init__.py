"""Explores images by what encoders make of them: maps, clusters, similar images."""
