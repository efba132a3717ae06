"""What a version predicts on rows as it is served: its own export, on inputs that its own code makes.

Restored into today's `build_model()`, on what today's `examples()` makes, a champion would suffer from
whatever was broken there since: a candidate trained with the fault would look no worse.
"""
