"""Whole pipelines as files for other programs: one ONNX file of the preprocessing and the network behind it."""

from skdeep.export._pipeline import register_converters, to_onnx

__all__ = ["register_converters", "to_onnx"]
