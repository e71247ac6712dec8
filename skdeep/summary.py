"""What `summary()` of an estimator returns."""

from skdeep._keras.summary import Layer, NetworkSummary

__all__ = ["Layer", "NetworkSummary"]
