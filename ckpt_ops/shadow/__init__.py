"""Evaluating a candidate on slices that come after it was trained: predictions, and the verdict's rows."""
