"""What a run does: a file for each task of a DAG, named after it, and what is planned around them."""
