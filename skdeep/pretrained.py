"""Networks that start from the weights of another one.

Layers correspond by name: those of the same name whose weights have the same shapes start from them, the others, such
as the output layer for other classes, start anew.
"""

import os

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted


def start_from(model, initial_model):
    """Give the layers of a Keras model the weights of those of another one that they correspond to.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    initial_model : estimator, keras.Model or path
        As the estimators take it.
    """
    given = {layer.name: layer.get_weights() for layer in _keras_model(initial_model).layers}
    own = {layer.name: layer for layer in model.layers if layer.weights}
    fitting = [name for name in own if _shapes(given.get(name, [])) == _shapes(own[name].get_weights())]
    if not fitting:
        wanted = _described({name: layer.get_weights() for name, layer in own.items()})
        raise ValueError(
            "initial_model has no layer of the name and the shapes of one of the network's. Its layers are "
            f"{_described(given)}, those of the network {wanted}."
        )
    for name in fitting:
        own[name].set_weights(given[name])


def _keras_model(initial_model):
    from skdeep._tensorflow import keras

    if isinstance(initial_model, keras.Model):
        return initial_model
    if isinstance(initial_model, (str, os.PathLike)):
        return keras.saving.load_model(os.fspath(initial_model), compile=False)
    estimator = initial_model.estimator if isinstance(initial_model, FrozenEstimator) else initial_model
    if not hasattr(type(estimator), "model_"):
        raise TypeError(
            "initial_model must be a fitted estimator of skdeep, a keras.Model or the path of a .keras file. Got "
            f"{initial_model!r}."
        )
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ValueError(
            f"initial_model={initial_model!r} is not fitted. scikit-learn's clone, which searches and cross-validation "
            "use, gives an unfitted copy of an estimator; put it in sklearn.frozen.FrozenEstimator, which it keeps."
        ) from error
    return estimator._network.program.model


def _shapes(weights):
    return [weight.shape for weight in weights]


def _described(weights):
    return ", ".join(f"{name} {_shapes(each)}" for name, each in weights.items() if each)
