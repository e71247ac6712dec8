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


def hidden_parameters(estimator, head):
    """Return the arguments of the builders for the dense layers of an estimator."""
    names = ("hidden_layer_sizes", "activation", "dropout", "dtype_policy")
    return {name: getattr(estimator, name) for name in names} | {"output_activation": head.activation}


def dense_architecture(estimator, row_shape, head):
    return Architecture("build_dense", row_shape, head.n_outputs, hidden_parameters(estimator, head))
