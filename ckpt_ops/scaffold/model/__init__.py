"""A model from a look at the data: what the label is, what each column becomes, and the files that say so."""
