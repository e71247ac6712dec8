"""What the classifiers of dense layers share."""

import functools


def table_row_shape(estimator, X):
    if X.ndim != 2:
        name = type(estimator).__name__
        raise ValueError(
            f"{name} takes tables of shape (n_samples, n_features), but X has shape {X.shape}. "
            f"For images, put Flatten in front: make_pipeline(Flatten(), {name}())."
        )
    return (X.shape[1],)


def dense_architecture(estimator, row_shape, head):
    from skdeep.builders import build_dense

    return functools.partial(
        build_dense,
        row_shape,
        head.n_outputs,
        hidden_layer_sizes=estimator.hidden_layer_sizes,
        activation=estimator.activation,
        dropout=estimator.dropout,
        output_activation=head.activation,
        dtype_policy=estimator.dtype_policy,
    )
