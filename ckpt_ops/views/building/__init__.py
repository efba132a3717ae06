"""From a model's state, and from what its records name in the store, to the views."""
