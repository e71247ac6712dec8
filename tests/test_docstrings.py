"""Parameters and attributes that several classes share have the same words in all of them."""

import pytest
import sklearn.utils._testing as testing

import skdeep

pytest.importorskip("numpydoc")

CLASSIFIERS = [skdeep.MLPClassifier, skdeep.DNNClassifier, skdeep.CNNClassifier]
REGRESSORS = [skdeep.MLPRegressor, skdeep.DNNRegressor, skdeep.CNNRegressor]
TABLES = [skdeep.TableClassifier, skdeep.TableRegressor]
CONVOLUTIONAL = [skdeep.CNNClassifier, skdeep.CNNRegressor]
WRAPPERS = [skdeep.KerasClassifier, skdeep.KerasRegressor]
OF_ALL = ["shuffle", "validation_rows"]
OF_BUILT_IN = [
    "activation",
    "kernel_initializer",
    "bias_initializer",
    "initial_model",
    "frozen_layers",
    "epochs",
    "batch_size",
    "monitor",
    "monitor_mode",
    "n_iter_no_change",
    "tol",
    "callbacks",
    "warm_start",
    "dtype_policy",
    "random_state",
    "verbose",
]
OF_KIND = ["output_activation", "loss", "optimizer", "learning_rate", "metrics", "validation_fraction"]
OF_TABLES = [
    "n_networks",
    "dropout",
    "embedding_size",
    "n_frequencies",
    "frequency_init_scale",
    "categorical_features",
    "max_categories",
    "epochs",
    "batch_size",
]
OF_CONVOLUTIONS = [
    "hidden_layer_sizes",
    "dropout",
    "batch_normalization",
    "conv_filters",
    "residual",
    "global_pooling",
    "kernel_size",
    "conv_activation",
    "padding",
    "pool_size",
    "image_shape",
    "augment",
]
OF_WRAPPERS = [
    "model",
    "build_fn",
    "optimizer",
    "metrics",
    "epochs",
    "batch_size",
    "validation_batch_size",
    "callbacks",
    "warm_start",
    "random_state",
    "run_eagerly",
    "verbose",
]
ATTRIBUTES = ["history_", "n_iter_", "callbacks_", "model_", "feature_names_in_"]
GROUPS = {
    "all": (CLASSIFIERS + REGRESSORS + WRAPPERS, OF_ALL, ATTRIBUTES),
    "built-in": (CLASSIFIERS + REGRESSORS, OF_BUILT_IN, ["best_epoch_"]),
    "classifiers": (CLASSIFIERS, [*OF_KIND, "target_encoding", "class_weight"], ["classes_"]),
    "regressors": (REGRESSORS, [*OF_KIND, "scale_targets"], False),
    "dense": ([*CLASSIFIERS[:2], *REGRESSORS[:2]], ["batch_normalization"], ["n_features_in_"]),
    "dense and tables": ([*CLASSIFIERS[:2], *REGRESSORS[:2], *TABLES], ["validation_rows"], False),
    "classifiers that stop early": ([*CLASSIFIERS[:2], skdeep.TableClassifier], ["early_stopping"], False),
    "regressors that stop early": ([*REGRESSORS[:2], skdeep.TableRegressor], ["early_stopping"], False),
    "regressors and tables": ([*REGRESSORS, skdeep.TableRegressor], ["quantiles", "loss"], False),
    "tables": (TABLES, [*OF_TABLES, "activation", "monitor", "callbacks", "dtype_policy"], ["preprocessor_"]),
    "dense classifiers": (CLASSIFIERS[:2], ["alpha"], False),
    "dense regressors": (REGRESSORS[:2], ["alpha"], False),
    "convolutional": (CONVOLUTIONAL, OF_CONVOLUTIONS, ["n_features_in_", "image_shape_"]),
    "wrappers": (WRAPPERS, OF_WRAPPERS, ["best_epoch_", "n_features_in_"]),
}


@pytest.mark.parametrize("group", GROUPS)
def test_shared_parameters_have_the_same_words(group):
    classes, parameters, attributes = GROUPS[group]
    testing.assert_docstring_consistency(classes, include_params=parameters, include_attrs=attributes)


def test_every_shared_parameter_of_the_built_in_networks_is_in_a_group():
    """Where defaults differ, as those of `dropout` do, classes of one group have the same."""
    held = {name for _, parameters, _ in GROUPS.values() for name in parameters}
    assert set(skdeep.DNNClassifier().get_params()) <= held
