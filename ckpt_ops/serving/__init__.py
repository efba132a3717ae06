"""What is made of a version after it was evaluated: other formats, and predictions on whole slices."""
