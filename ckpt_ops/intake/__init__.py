"""What becomes of a slice before a model consumes it: verdict, quarantine, what a person decides."""
