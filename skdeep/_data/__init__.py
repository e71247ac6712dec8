"""From what the user gives, X, y and weights in any form, to arrays for a network, and from its outputs back.

Nothing here knows Keras or TensorFlow.
"""
