"""What the classifiers share of dense layers."""

from skdeep.network import Architecture


def check_is_table(estimator, X):
    """Raise for images; scikit-learn would compare their heights with the number of features."""
    if getattr(X, "ndim", 2) > 2:
        name = type(estimator).__name__
        raise ValueError(
            f"{name} takes tables of shape (n_samples, n_features), but X has shape {X.shape}. "
            f"For images, put Flatten in front: make_pipeline(Flatten(), {name}())."
        )


def table_row_shape(estimator, X):
    check_is_table(estimator, X)
    return (X.shape[1],)


def shared_parameters(estimator, head, l2):
    """Return the arguments that both builders take."""
    names = ("hidden_layer_sizes", "activation", "dropout", "batch_normalization", "dtype_policy")
    values = {name: getattr(estimator, name) for name in names}
    return values | {"output_activation": head.activation, "l2": l2}


def dense_architecture(estimator, row_shape, head, l2):
    return Architecture("build_dense", row_shape, head.n_outputs, shared_parameters(estimator, head, l2))
