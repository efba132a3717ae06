"""Evaluation of a candidate on slices that arrive after its training: predictions, and the verdict's rows."""
