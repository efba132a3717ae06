"""Measurements of this project beside its peers. Nothing here is needed to use it."""
