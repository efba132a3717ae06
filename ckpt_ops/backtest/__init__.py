"""When to update, in hindsight: recorded slices, replayed under several policies."""
