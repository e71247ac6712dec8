"""The experiments of the study notes: what they are, how one is run, and the report."""
