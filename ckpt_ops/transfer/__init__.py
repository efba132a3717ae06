"""From a parent of one structure to a model of another: what is carried over, planned before it is done."""
