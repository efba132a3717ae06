"""Unlearning: rows or whole slices removed from what a model consumed, consumes and ever will."""
