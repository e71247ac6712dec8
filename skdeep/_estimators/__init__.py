"""The base classes of the public estimators."""
