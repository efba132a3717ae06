"""Looking back at when to update: recorded slices, replayed under several policies."""
