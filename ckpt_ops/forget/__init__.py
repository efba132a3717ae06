"""Unlearning: rows or whole slices out of what a model learned from, learns from, and ever will."""
