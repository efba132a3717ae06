"""A model that sees its history again: what is asked for, the candidate that follows, the process."""
