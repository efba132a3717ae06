"""What is made from a version after its evaluation: other formats, and predictions on whole slices."""
