"""The outputs of stacks of dense layers by NumPy alone: from plain arrays, without Keras and TensorFlow."""
