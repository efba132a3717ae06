"""A new source from a look at its data."""
