"""What is made of a version after it was judged: other formats, and predictions on whole slices."""
