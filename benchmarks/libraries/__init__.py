"""One module for each library, all with the same names.

``make`` and ``make_cnn`` return an unfitted estimator: Adam, ReLU, float32, nothing printed, all else as the library
has it by default or its documentation advises for speed. ``grid`` is the parameter grid of layer sizes and dropout
rates, ``LEARNING_RATE`` the name of that parameter. Importing a module imports all that fitting needs.
"""
