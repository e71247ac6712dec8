"""What networks are: how they are built and compiled, held by estimators, copied and written."""
