"""How networks are trained and applied: all that knows graphs of TensorFlow."""
