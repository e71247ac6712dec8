"""What was meant by a name that is unknown: those that people bring along from elsewhere, and misspellings."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

# As scikit-learn, Keras, skorch and others call what is a parameter here, of those that an estimator has.
_PARAMETERS = {
    "learning_rate": "lr learning_rate_init eta eta0 step_size optimizer__learning_rate optimizer__lr",
    "epochs": "max_iter n_epochs max_epochs num_epochs nb_epoch epoch n_iter iterations n_iterations",
    "optimizer": "solver optim optimiser algorithm",
    "n_iter_no_change": "patience early_stopping_rounds early_stopping_patience",
    "random_state": "seed random_seed rng",
    "hidden_layer_sizes": (
        "hidden_layers hidden_units hidden_sizes hidden_layer_size hidden_dims layers layer_sizes units neurons "
        "n_hidden n_units n_neurons num_units"
    ),
    "n_networks": "n_estimators n_models n_members n_ens ensemble_size n_ensembles",
    "categorical_features": "cat_features categorical_columns cat_cols categorical_feature cat_col_names",
    "embedding_size": "d_embedding embedding_dim embedding_dims",
    "conv_filters": "filters n_filters channels conv_layers",
    "conv_activation": "activation_conv",
    "image_shape": "input_shape",
    "augment": "augmentation data_augmentation augmentations",
    "alpha": "l2 reg l2_reg reg_lambda regularization l2_regularization kernel_regularizer penalty",
    "batch_normalization": "batch_norm batchnorm batchnormalization bn use_batch_norm use_bn",
    "dropout": "dropout_rate drop_rate p_dropout drop",
    "validation_fraction": "validation_split val_split validation_size val_size val_fraction test_size",
    "early_stopping": "early_stop earlystopping",
    "tol": "min_delta tolerance",
    "loss": "criterion loss_function loss_fn objective",
    "metrics": "metric scoring eval_metric",
    "callbacks": "callback early_stopping early_stop earlystopping",
    "class_weight": "class_weights",
    "dtype_policy": "dtype precision mixed_precision",
    "kernel_initializer": "initializer init kernel_init weight_init",
    "output_activation": "final_activation last_activation out_activation",
    "scale_targets": "scale_y normalize_y scale_target",
    "verbose": "verbosity",
    "warm_start": "initial_epoch",
    "batch_size": "batchsize minibatch_size mini_batch_size",
    "target_encoding": "label_encoding encode_targets",
    # of the wrappers alone
    "validation_split": "validation_fraction val_split validation_size val_size val_fraction test_size",
    "model": "module network net estimator build_model model_fn",
}
_ROUTED = {
    "optimizer__learning_rate": "lr learning_rate learning_rate_init eta eta0 step_size optimizer__lr",
    "optimizer__momentum": "momentum",
    "optimizer__nesterov": "nesterov nesterovs_momentum",
    "optimizer__weight_decay": "weight_decay decay",
    "optimizer__beta_1": "beta_1 beta1",
    "optimizer__beta_2": "beta_2 beta2",
    "optimizer__epsilon": "epsilon eps",
    "optimizer__rho": "rho",
    "optimizer__clipnorm": "clipnorm clip_norm max_grad_norm gradient_clipping",
    "optimizer__clipvalue": "clipvalue clip_value",
    "loss__label_smoothing": "label_smoothing",
    "loss__from_logits": "from_logits",
    "callbacks__patience": "patience n_iter_no_change",
}
_VALUES = {
    "optimizer": {"sgd": "momentum nesterov sgdm", "rmsprop": "rms"},
    "loss": {
        "crossentropy": "cross_entropy log_loss logloss nll nll_loss negative_log_likelihood softmax_crossentropy",
        "binary_crossentropy": "binary_logloss logistic bce_loss sigmoid_crossentropy",
        "sparse_categorical_crossentropy": "scce sparse_crossentropy multi_logloss",
        "categorical_crossentropy": "cce",
        "mean_squared_error": "squared_error squared_loss rmse root_mean_squared_error l2 quadratic r2 mse_loss",
        "mean_absolute_error": "absolute_error l1 mae_loss",
        "log_cosh": "logcosh",
        "kl_divergence": "kl kullback_leibler_divergence kld_loss",
    },
    "metrics": {
        "r2_score": "r2",
        "root_mean_squared_error": "rmse root_mean_square_error neg_root_mean_squared_error",
        "mean_squared_error": "neg_mean_squared_error squared_error",
        "mean_absolute_error": "neg_mean_absolute_error absolute_error",
        "f1_score": "f1 f1_macro f1_micro",
        "auc": "roc_auc roc_auc_score rocauc auroc",
        "binary_crossentropy": "logloss log_loss neg_log_loss cross_entropy crossentropy",
        "accuracy": "accuracy_score balanced_accuracy",
        "top_k_categorical_accuracy": "top_k_accuracy top_k",
        "log_cosh_error": "log_cosh logcosh",
    },
    "activation": {
        "sigmoid": "logistic",
        "linear": "identity none",
        "leaky_relu": "lrelu leakyrelu",
        "tanh": "hyperbolic_tangent",
        "silu": "sish",
    },
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with what is most like a name among those known, or "".

    Parameters
    ----------
    name : str
        What was typed.
    known : iterable of str
        What there is.
    """
    by_lower = {each.lower(): each for each in known}
    return _question([by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=1)])


def did_you_mean_parameter(name: str, known: Collection[str], prefixes: tuple[str, ...]) -> str:
    """Return such a sentence for a parameter of an estimator with these parameters, which routes these prefixes."""
    meant = [each for each, typed in _PARAMETERS.items() if each in known and name.lower() in typed.split()]
    meant += [each for each in _ROUTED if each.startswith(prefixes) and name.lower() in _ROUTED[each].split()]
    return _question(meant) if meant else did_you_mean(name, known)


def did_you_mean_value(kind: str, name: str, known: Iterable[str]) -> str:
    """Return such a sentence for the name of an optimizer, a loss, a metric or an activation."""
    plain = name.lower().replace("-", "_").replace(" ", "_")
    meant = [each for each, typed in _VALUES[kind].items() if plain in typed.split()]
    return _question(meant) if meant else did_you_mean(plain, known)


def _question(names):
    return f" Did you mean {names[0]!r}?" if names else ""
