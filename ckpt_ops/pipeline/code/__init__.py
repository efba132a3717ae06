"""The code that a pipeline's models are made by: which files it is, and keeping it with the versions."""
