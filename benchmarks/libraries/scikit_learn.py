"""scikit-learn's `MLPClassifier`, which has no dropout."""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

LEARNING_RATE = "learning_rate_init"

warnings.simplefilter("ignore", ConvergenceWarning)  # it shall stop after the same epochs as the others


def make(hidden_layer_sizes, *, dropout, learning_rate, batch_size, epochs, n_features, n_classes, random_state):
    return MLPClassifier(
        hidden_layer_sizes,
        learning_rate_init=learning_rate,
        batch_size=batch_size,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=epochs,
        random_state=random_state,
    )


def grid(sizes, rates):
    """As many candidates as the others have, with penalties in place of dropout rates."""
    return {"hidden_layer_sizes": sizes, "alpha": [10.0**-exponent for exponent in range(2, 2 + len(rates))]}
