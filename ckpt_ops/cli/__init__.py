"""The command `ckpt-ops`: what models were trained on, and what a person may change."""
