"""The command `ckpt-ops`: what a model has learned and from what, and what a person may change."""
