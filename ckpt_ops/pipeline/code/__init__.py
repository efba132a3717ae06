"""The code that makes a pipeline's models: which files it is, and how it is kept with the versions."""
