"""Correcting a history: how far a rebase has come, its steps, the verdict, the swap of the head."""
