"""The training of stacks of dense layers by NumPy alone: on plain arrays, without Keras and TensorFlow."""
