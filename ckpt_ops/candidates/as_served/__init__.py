"""What a version says of rows as it is served: its own export, on inputs that its own code makes.

Restored into today's `build_model()`, and shown what today's `examples()` makes, a champion answers for
whatever was broken there since: a candidate that learned with the fault would look no worse.
"""
