"""Diagnoses that change nothing: which slice broke a metric, and whether a version can be rebuilt."""
