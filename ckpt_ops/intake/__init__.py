"""What happens to a slice before a model consumes it: its verdict, quarantine and a person's decisions."""
