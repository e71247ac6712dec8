"""Networks of the user's own with several inputs and outputs, beside Keras's own fit."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder

import skdeep
from skdeep import DNNClassifier, KerasClassifier, KerasRegressor, KerasTransformer, NamedArrays

FIT = {"epochs": 3, "verbose": 0, "random_state": 0, "optimizer": "adam"}
COLOURS = np.array(["blue", "green", "red"])


@pytest.fixture(scope="module")
def data():
    """Images and tables of 90 rows, and what follows from them: colours, yes or no, labels of each, numbers."""
    rng = np.random.default_rng(0)
    images, table = rng.random((90, 6, 6)), rng.normal(size=(90, 4))
    kind = np.digitize(images.mean(axis=(1, 2)), [0.47, 0.53])
    return {
        "images": images,
        "table": table,
        "colour": COLOURS[kind],
        "yes": table[:, 0] > 0,
        "tags": (table[:, :3] > 0.3).astype(int),
        "size": table[:, 1] * 2 + images.sum(axis=(1, 2)) - 18,
    }


def two_inputs(n_outputs=3, activation="softmax", as_dict=False):
    image, table = keras.Input((6, 6), name="image"), keras.Input((4,), name="table")
    both = keras.layers.Concatenate()([keras.layers.Flatten()(image), table])
    outputs = keras.layers.Dense(n_outputs, activation=activation)(keras.layers.Dense(8, "relu")(both))
    return keras.Model({"image": image, "table": table} if as_dict else [image, table], outputs)


def two_outputs(widths=(3, 1), activations=("softmax", "sigmoid"), names=("colour", "yes"), as_dict=False):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, "relu")(inputs)
    outputs = [
        keras.layers.Dense(width, activation=each, name=name)(hidden)
        for width, each, name in zip(widths, activations, names, strict=True)
    ]
    return keras.Model(inputs, dict(zip(names, outputs, strict=True)) if as_dict else outputs)


def keras_fit(model, x, y, loss, **kwargs):
    compiling = {name: kwargs.pop(name) for name in ("metrics", "loss_weights") if name in kwargs}
    model.compile("adam", loss=loss, **compiling)
    return model.fit(x, y, 32, 3, verbose=0, shuffle=False, **kwargs).history


def assert_same_history(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-4, atol=1e-6)


class TestInputs:
    @pytest.mark.parametrize("as_dict", [False, True], ids=["list", "dict"])
    @pytest.mark.parametrize("kind", [dict, NamedArrays])
    def test_as_in_keras(self, kind, as_dict, data):
        X = kind({"table": data["table"], "image": data["images"]})  # in another order than the model's
        given = two_inputs(as_dict=as_dict)
        clf = KerasClassifier(given, loss="sparse_categorical_crossentropy", shuffle=False, **FIT).fit(
            X, data["colour"]
        )
        codes, loss = np.searchsorted(COLOURS, data["colour"]), "sparse_categorical_crossentropy"
        x = {"image": data["images"], "table": data["table"]}
        theirs = keras_fit(given, x if as_dict else list(x.values()), codes, loss)
        assert_same_history(clf.history_, theirs)
        expected = given.predict(x if as_dict else list(x.values()), verbose=0)
        np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-4)
        assert (clf.predict(X) == COLOURS[expected.argmax(axis=1)]).all()
        assert clf.score(X, data["colour"]) == accuracy_score(data["colour"], clf.predict(X))
        assert clf.X_shape_ == {"table": (90, 4), "image": (90, 6, 6)}
        assert not hasattr(clf, "n_features_in_")

    def test_weights_validation_rows_and_metrics(self, data):
        X, weight = {"image": data["images"], "table": data["table"]}, np.linspace(0.5, 2, 90)
        given = two_inputs(1, None)
        settings = {"loss": "mse", "metrics": ["mae"], "shuffle": False}
        reg = KerasRegressor(given, **settings, **FIT)
        held_out = {name: array[:20] for name, array in X.items()}
        reg.fit(X, data["size"], weight, X_val=held_out, y_val=data["size"][:20])
        x, y = list(X.values()), data["size"]
        validation = ([each[:20] for each in x], y[:20])
        theirs = keras_fit(given, x, y, "mse", metrics=["mae"], sample_weight=weight, validation_data=validation)
        assert_same_history(reg.history_, theirs)

    def test_through_scikit_learn(self, data):
        X, y = NamedArrays(image=data["images"], table=data["table"]), data["colour"]

        def build(units=4):
            return two_inputs()

        clf = KerasClassifier(build, units=4, **FIT)
        X_train, X_test, y_train, _ = train_test_split(X, y, test_size=30, random_state=0)
        assert (len(X_train), X_test["image"].shape) == (60, (30, 6, 6))
        alone = clone(clf).fit(X_train, y_train).predict(X_test)
        folds = KFold(3)
        scores = cross_val_score(clf, X, y, cv=folds)
        by_hand = [
            clone(clf).fit(X[train], y[train]).score(X[test], y[test]) for train, test in folds.split(np.zeros(90))
        ]
        np.testing.assert_array_equal(scores, by_hand)
        search = GridSearchCV(clf, {"units": [4, 8], "learning_rate": [0.01]}, cv=2).fit(X, y)
        assert search.predict(X_test).shape == alone.shape
        assert cross_val_predict(clf, X, y, cv=2, method="predict_proba").shape == (90, 3)

    def test_behind_a_transformer_that_splits_a_table(self, data):
        def split(X):
            return NamedArrays(image=X[:, :36].reshape(-1, 6, 6), table=X[:, 36:])

        whole = np.hstack([data["images"].reshape(90, 36), data["table"]])
        clf = KerasClassifier(two_inputs(), **FIT)
        pipe = make_pipeline(FunctionTransformer(split), clf).fit(whole, data["colour"])
        alone = clone(clf).fit({"image": data["images"], "table": data["table"]}, data["colour"])
        np.testing.assert_array_equal(pipe.predict_proba(whole), alone.predict_proba(split(whole)))

    def test_copies_and_files(self, data, tmp_path):
        X = {"image": data["images"], "table": data["table"]}
        clf = KerasClassifier(two_inputs(), **FIT).fit(X, data["colour"])
        expected = clf.predict_proba(X)
        skdeep.save(clf, tmp_path / "clf.skops")
        for other in (pickle.loads(pickle.dumps(clf)), skdeep.load(tmp_path / "clf.skops")):
            np.testing.assert_array_equal(other.predict_proba(X), expected)
            other.partial_fit(X, data["colour"])
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
        np.testing.assert_array_equal(clf.partial_fit(X, data["colour"]).predict_proba(X), other.predict_proba(X))

    def test_integers_and_vectors(self, data):
        def build():
            number, table = keras.Input((), dtype="int32", name="number"), keras.Input((4,), name="table")
            embedded = keras.layers.Embedding(5, 3)(number)
            return keras.Model([number, table], keras.layers.Dense(1)(keras.layers.Concatenate()([embedded, table])))

        number = np.arange(90) % 5
        given = build()
        reg = KerasRegressor(given, loss="mse", shuffle=False, **FIT)
        reg.fit({"number": number, "table": data["table"]}, data["size"])
        theirs = keras_fit(given, [number, data["table"]], data["size"], "mse")
        assert_same_history(reg.history_, theirs)

    @pytest.mark.parametrize(
        "X, error, said",
        [
            (
                lambda d: d["table"],
                ValueError,
                r"The model has 2 inputs, 'image' of shape \(6, 6\), 'table' .* one array",
            ),
            (lambda d: {"image": d["images"]}, ValueError, "The model has 2 inputs, .* but X has 1: 'image'"),
            (
                lambda d: {"picture": d["images"], "table": d["table"]},
                ValueError,
                r"X has 'picture', but the model has the inputs 'image'.*Input\(\.\.\., name='picture'\)",
            ),
            (
                lambda d: {"image": d["images"][:, :5], "table": d["table"]},
                ValueError,
                r"takes rows of shape \(6, 6\), but X\['image'\] has rows of shape \(5, 6\)",
            ),
            (lambda d: {"image": d["images"][:80], "table": d["table"]}, ValueError, "same number of rows"),
            (
                lambda d: {"image": d["images"], "table": np.where(d["table"] > 2, np.nan, d["table"])},
                ValueError,
                r"Input X\['table'\] contains NaN",
            ),
            (
                lambda d: {"image": d["images"], "table": d["table"] * 1e300},
                ValueError,
                r"X\['table'\] contains a value",
            ),
            (lambda d: {"image": d["images"], "table": d["colour"]}, ValueError, r"X\['table'\] must hold numbers"),
            (lambda d: {}, ValueError, "at least one array"),
        ],
    )
    def test_what_does_not_fit(self, X, error, said, data):
        with pytest.raises(error, match=said):
            KerasClassifier(two_inputs(), **FIT).fit(X(data), data["colour"])

    def test_another_form_than_in_fit(self, data):
        X = {"image": data["images"], "table": data["table"]}
        clf = KerasClassifier(two_inputs(), **FIT).fit(X, data["colour"])
        for other, said in (
            (data["table"], "X is one array, but in fit it was a dict"),
            ({"image": data["images"]}, "X has 'image', but in fit it had 'image', 'table'"),
            (X | {"table": data["table"][:, :3]}, r"X\['table'\] has rows of shape \(3,\), but in fit they had"),
        ):
            with pytest.raises(ValueError, match=said):
                clf.predict(other)

    def test_the_ready_networks_say_that_they_have_one_input(self, data):
        with pytest.raises(TypeError, match="networks have one input here"):
            DNNClassifier().fit({"image": data["images"], "table": data["table"]}, data["colour"])


class TestTables:
    """Several columns of labels."""

    @pytest.mark.parametrize("as_dict", [False, True], ids=["list", "dict"])
    def test_as_in_keras(self, as_dict, data):
        y = np.column_stack([np.searchsorted(COLOURS, data["colour"]), data["yes"]])
        given = two_outputs(as_dict=as_dict)
        losses = {"colour": "sparse_categorical_crossentropy", "yes": "binary_crossentropy"}
        loss = losses if as_dict else list(losses.values())
        clf = KerasClassifier(given, loss=loss, shuffle=False, **FIT).fit(data["table"], y)
        targets = {"colour": y[:, 0], "yes": y[:, 1]}
        theirs = keras_fit(given, data["table"], targets if as_dict else list(targets.values()), loss)
        assert_same_history(clf.history_, theirs)
        outputs = given.predict(data["table"], verbose=0)
        colour, yes = (outputs["colour"], outputs["yes"]) if as_dict else outputs
        proba = clf.predict_proba(data["table"])
        np.testing.assert_allclose(proba[0], colour, atol=1e-4)
        np.testing.assert_allclose(proba[1], np.hstack([1 - yes, yes]), atol=1e-4)
        predicted = clf.predict(data["table"])
        np.testing.assert_array_equal(predicted, np.column_stack([colour.argmax(axis=1), yes[:, 0] > 0.5]))
        assert predicted.dtype == y.dtype
        assert clf.score(data["table"], y) == np.mean(np.all(predicted == y, axis=1))
        assert [each.tolist() for each in clf.classes_] == [[0, 1, 2], [0, 1]]
        assert (clf.n_classes_, clf.n_outputs_, clf.n_outputs_expected_) == ([3, 2], 2, 2)

    def test_strings_and_the_loss_that_fits(self, data):
        y = np.column_stack([data["colour"], np.where(data["yes"], "yes", "no")])
        given = two_outputs((3, 2), (None, "softmax"))
        losses = [keras.losses.SparseCategoricalCrossentropy(from_logits=True), "sparse_categorical_crossentropy"]
        chosen, explicit = (
            KerasClassifier(given, loss=each, shuffle=False, **FIT).fit(data["table"], y) for each in (None, losses)
        )
        assert_same_history(chosen.history_, explicit.history_)
        assert set(chosen.predict(data["table"])[:, 1]) <= {"yes", "no"}
        scores = cross_val_score(chosen, data["table"], y, cv=2)
        assert len(scores) == 2

    def test_zeros_and_ones_in_each_column(self, data):
        y = data["tags"][:, :2]
        given = two_outputs((2, 2), ("softmax", "softmax"))
        clf = KerasClassifier(given, target_type="multioutput", **FIT).fit(data["table"], y)
        assert clf.predict(data["table"]).shape == (90, 2)
        assert [each.shape for each in clf.predict_proba(data["table"])] == [(90, 2), (90, 2)]

    @pytest.mark.parametrize("widths, activations", [((2, 1), ("sigmoid", "sigmoid")), ((1, 2), (None, None))])
    def test_outputs_share_the_columns_of_labels(self, widths, activations, data):
        given = two_outputs(widths, activations)
        logits = activations[0] is None
        loss = keras.losses.BinaryCrossentropy(from_logits=logits)
        chosen = KerasClassifier(given, shuffle=False, **FIT).fit(data["table"], data["tags"])
        theirs = keras_fit(given, data["table"], np.split(data["tags"], [widths[0]], axis=1), loss)
        assert_same_history(chosen.history_, theirs)
        outputs = np.concatenate(given.predict(data["table"], verbose=0), axis=1)
        expected = 1 / (1 + np.exp(-outputs)) if logits else outputs
        np.testing.assert_allclose(chosen.predict_proba(data["table"]), expected, atol=1e-4)
        np.testing.assert_array_equal(chosen.predict(data["table"]), expected > 0.5)

    def test_numbers(self, data):
        Y = np.column_stack([data["size"], data["table"][:, 2:4]])
        given = two_outputs((1, 2), (None, None))
        reg = KerasRegressor(given, loss="mse", shuffle=False, **FIT).fit(data["table"], Y)
        theirs = keras_fit(given, data["table"], [Y[:, :1], Y[:, 1:]], "mse")
        assert_same_history(reg.history_, theirs)
        outputs = np.concatenate(given.predict(data["table"], verbose=0), axis=1)
        np.testing.assert_allclose(reg.predict(data["table"]), outputs, rtol=1e-3, atol=1e-4)
        assert reg.score(data["table"], Y) == r2_score(Y, reg.predict(data["table"]))


class TestNames:
    """y as a dict."""

    def build(self):
        return two_outputs((3, 1, 2, 3), ("softmax", "sigmoid", None, "sigmoid"), ("colour", "yes", "sizes", "tags"))

    def targets(self, data):
        return {
            "tags": data["tags"],
            "sizes": np.column_stack([data["size"], data["table"][:, 3]]),
            "yes": data["yes"],
            "colour": data["colour"],
        }

    def test_classes_and_numbers_as_in_keras(self, data):
        y, given = self.targets(data), self.build()
        losses = {
            "colour": "sparse_categorical_crossentropy",
            "yes": "binary_crossentropy",
            "sizes": "mse",
            "tags": "binary_crossentropy",
        }
        clf = KerasClassifier(
            given, shuffle=False, loss=losses, loss_weights={**dict.fromkeys(losses, 1.0), "sizes": 0.1}, **FIT
        )
        clf.fit(data["table"], y)
        codes = [np.searchsorted(COLOURS, y["colour"]), y["yes"], y["sizes"], y["tags"]]
        weights = [1.0, 1.0, 0.1, 1.0]
        theirs = keras_fit(given, data["table"], codes, list(losses.values()), loss_weights=weights)
        assert_same_history(clf.history_, theirs)
        colour, yes, sizes, tags = given.predict(data["table"], verbose=0)
        predicted = clf.predict(data["table"])
        assert predicted.names == ["tags", "sizes", "yes", "colour"]
        assert (predicted["colour"] == COLOURS[colour.argmax(axis=1)]).all()
        assert (predicted["yes"] == (yes[:, 0] > 0.5)).all()
        assert predicted["yes"].dtype == bool
        np.testing.assert_allclose(predicted["sizes"], sizes, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(predicted["tags"], tags > 0.5)
        proba = clf.predict_proba(data["table"])
        assert proba.names == ["tags", "yes", "colour"]
        np.testing.assert_allclose(proba["colour"], colour, atol=1e-4)
        expected = [
            accuracy_score(y["tags"], predicted["tags"]),
            r2_score(y["sizes"], predicted["sizes"]),
            accuracy_score(y["yes"], predicted["yes"]),
            accuracy_score(y["colour"], predicted["colour"]),
        ]
        assert clf.score(data["table"], y) == pytest.approx(np.mean(expected))

    def test_searches_weights_and_copies(self, data):
        y = NamedArrays(self.targets(data))

        def build():
            return self.build()

        clf = KerasClassifier(build, **FIT)
        search = GridSearchCV(clf, {"learning_rate": [0.01, 0.1]}, cv=2).fit(data["table"], y)
        assert len(search.cv_results_["mean_test_score"]) == 2
        weighted = clone(clf).fit(data["table"], y, np.repeat([0.0, 1.0], 45))
        half = clone(clf).fit(data["table"][45:], y[45:])
        np.testing.assert_allclose(weighted.history_["loss"], half.history_["loss"], rtol=1e-5)
        fitted = KerasClassifier(self.build(), validation_split=0.2, early_stopping=True, **FIT).fit(data["table"], y)
        assert "val_colour_loss" in fitted.history_
        other = pickle.loads(pickle.dumps(fitted))
        expected = fitted.predict_proba(data["table"])
        for name in expected.names:
            np.testing.assert_array_equal(other.predict_proba(data["table"])[name], expected[name])

    def test_regressors_scale_each(self, data):
        y = {"a": data["size"] * 1000, "b": data["table"][:, 2]}
        given = two_outputs((1, 1), (None, None), ("a", "b"))
        reg = KerasRegressor(given, scale_targets=True, **FIT | {"epochs": 60, "optimizer__learning_rate": 0.02})
        reg.fit(data["table"], y)
        predicted = reg.predict(data["table"])
        assert r2_score(y["b"], predicted["b"]) > 0.8
        assert reg.score(data["table"], y) == pytest.approx(np.mean([r2_score(y[name], predicted[name]) for name in y]))

    @pytest.mark.parametrize(
        "y, said",
        [
            (lambda y: {"colour": y["colour"]}, r"The model has 4 outputs, colour \(3\), .* but y has 1: colour"),
            (
                lambda y: {"hue" if n == "colour" else n: each for n, each in y.items()},
                "The outputs .* but y has .*'hue'",
            ),
            (lambda y: y["colour"], "The model has 4 outputs, .* but y is one target of 3 classes"),
            (lambda y: y | {"yes": np.ones(90)}, r"y\['yes'\]: A classifier needs at least two classes"),
            (lambda y: y | {"yes": [None] * 90}, r"y\['yes'\] contains missing values"),
        ],
    )
    def test_what_does_not_fit(self, y, said, data):
        with pytest.raises(ValueError, match=said):
            KerasClassifier(self.build(), **FIT).fit(data["table"], y(self.targets(data)))

    def test_several_columns_for_one_output(self, data):
        y = np.column_stack([data["colour"], data["yes"]])
        with pytest.raises(ValueError, match="The model has one output, but y has 2"):
            KerasClassifier(two_outputs((3,), ("softmax",), ("colour",)), **FIT).fit(data["table"], y)

    def test_class_weight(self, data):
        clf = KerasClassifier(self.build(), class_weight="balanced", **FIT)
        with pytest.raises(ValueError, match="class_weight is for targets with one class a row, but y is of several"):
            clf.fit(data["table"], self.targets(data))


class TestEncoders:
    """What subclasses for scikeras define."""

    class Columns(TransformerMixin, BaseEstimator):
        def fit(self, y):
            self.first_, self.second_ = LabelEncoder().fit(y[:, 0]), LabelEncoder().fit(y[:, 1])
            return self

        def transform(self, y):
            return [self.first_.transform(y[:, 0]), self.second_.transform(y[:, 1])]

        def inverse_transform(self, y, return_proba=False):
            if return_proba:
                return np.column_stack(y)
            first = self.first_.inverse_transform((y[0] > 0.5).astype(int).ravel())
            return np.column_stack([first, self.second_.inverse_transform(y[1].argmax(axis=1))])

        def get_metadata(self):
            return {"n_classes_": [2, len(self.second_.classes_)], "n_outputs_expected_": 2}

    class TwoColumns(KerasClassifier):
        @property
        def target_encoder(self):
            return TestEncoders.Columns()

        @staticmethod
        def scorer(y_true, y_pred, **kwargs):
            return np.mean([accuracy_score(y_true[:, 0], y_pred[:, 0]), accuracy_score(y_true[:, 1], y_pred[:, 1])])

    def build(self, meta):
        model = two_outputs((1, meta["n_classes_"][1]), ("sigmoid", "softmax"), ("yes", "colour"))
        model.compile("adam", loss=["binary_crossentropy", "sparse_categorical_crossentropy"])
        return model

    def test_a_target_encoder_as_in_keras(self, data):
        y = np.column_stack([data["yes"].astype(int), np.searchsorted(COLOURS, data["colour"])])
        given = self.build({"n_classes_": [2, 3]})
        clf = self.TwoColumns(given, shuffle=False, epochs=3, verbose=0).fit(data["table"], y)
        theirs = given.fit(data["table"], [y[:, 0], y[:, 1]], 32, 3, verbose=0, shuffle=False).history
        assert_same_history(clf.history_, theirs)
        yes, colour = given.predict(data["table"], verbose=0)
        predicted = clf.predict(data["table"])
        np.testing.assert_array_equal(predicted, np.column_stack([yes[:, 0] > 0.5, colour.argmax(axis=1)]))
        np.testing.assert_allclose(clf.predict_proba(data["table"]), np.hstack([yes, colour]), atol=1e-4)
        assert clf.score(data["table"], y) == np.mean([(predicted == y)[:, 0].mean(), (predicted == y)[:, 1].mean()])
        assert (clf.n_classes_, clf.n_outputs_expected_) == ([2, 3], 2)

    def test_metadata_for_the_function_and_searches(self, data):
        y = np.column_stack([data["yes"].astype(int), np.searchsorted(COLOURS, data["colour"])])
        clf = self.TwoColumns(self.build, epochs=2, verbose=0, random_state=0)
        assert len(cross_val_score(clf, data["table"], y, cv=2)) == 2
        before = clf.fit(data["table"], y).target_encoder_
        clf.partial_fit(data["table"], y)
        assert clf.target_encoder_ is before
        assert clf.n_iter_ == 3

    def test_another_number_of_outputs_than_it_tells(self, data):
        y = np.column_stack([data["yes"].astype(int), np.searchsorted(COLOURS, data["colour"])])
        model = two_outputs((3,), ("softmax",), ("colour",))
        with pytest.raises(ValueError, match=r"tells of 2 outputs \(n_outputs_expected_\), but the model has 1"):
            self.TwoColumns(model, loss="mse", verbose=0).fit(data["table"], y)

    def test_a_feature_encoder(self, data):
        class Split(KerasRegressor):
            @property
            def feature_encoder(self):
                return FunctionTransformer(lambda X: [X[:, 0], X[:, 1:]])

        def build():
            one, three = keras.Input((1,)), keras.Input((3,))
            return keras.Model([one, three], keras.layers.Dense(1)(keras.layers.Concatenate()([one, three])))

        given = build()
        reg = Split(given, loss="mse", optimizer="adam", shuffle=False, epochs=3, verbose=0)
        reg.fit(data["table"], data["size"])
        theirs = keras_fit(given, [data["table"][:, 0], data["table"][:, 1:]], data["size"], "mse")
        assert_same_history(reg.history_, theirs)
        assert reg.X_shape_ == (90, 4)
        expected = given.predict([data["table"][:, 0], data["table"][:, 1:]], verbose=0).ravel()
        np.testing.assert_allclose(reg.predict(data["table"]), expected, rtol=1e-3, atol=1e-4)
        with pytest.raises(ValueError, match=r"has 3 features, but .* is expecting 4"):
            reg.predict(data["table"][:, :3])

    def test_images_of_flat_rows(self, data):
        class Images(KerasClassifier):
            @property
            def feature_encoder(self):
                return FunctionTransformer(lambda X: X.reshape(len(X), 6, 6, 1))

        def build():
            layers = [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()]
            return keras.Sequential([*layers, keras.layers.Dense(3, "softmax")])

        flat = data["images"].reshape(90, 36)
        clf = Images(build, **FIT).fit(flat, data["colour"])
        assert clf.predict(flat).shape == (90,)
        assert clf.n_features_in_ == 36


class Recording(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs, self.batches = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(dict(logs))

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(dict(logs))


def test_a_dict_of_one_output(data):
    def build():
        inputs = keras.Input((4,))
        return keras.Model(inputs, {"colour": keras.layers.Dense(3, "softmax", name="colour")(inputs)})

    clf = KerasClassifier(build, loss={"colour": "sparse_categorical_crossentropy"}, **FIT)
    predicted = clf.fit(data["table"], {"colour": data["colour"]}).predict(data["table"])["colour"]
    expected = clf.model_.predict(data["table"], verbose=0)["colour"]
    np.testing.assert_array_equal(predicted, COLOURS[expected.argmax(axis=1)])
    np.testing.assert_allclose(clf.predict_proba(data["table"])["colour"], expected, atol=1e-6)


class TestTraining:
    LOSS = {"colour": "sparse_categorical_crossentropy", "yes": "binary_crossentropy"}

    def y(self, data):
        return {"colour": data["colour"], "yes": data["yes"]}

    def encoded(self, data):
        return [np.searchsorted(COLOURS, data["colour"]), data["yes"].astype(float)[:, np.newaxis]]

    def test_callbacks_are_told_what_keras_tells_them(self, data):
        given, ours, theirs = two_outputs(), Recording(), Recording()
        clf = KerasClassifier(given, loss=self.LOSS, callbacks=[ours], shuffle=False, **FIT)
        clf.fit(data["table"], self.y(data))
        keras_fit(given, data["table"], self.encoded(data), list(self.LOSS.values()), callbacks=[theirs])
        for one, other in ((ours.epochs, theirs.epochs), (ours.batches, theirs.batches)):
            assert len(one) == len(other) > 0
            for logs, expected in zip(one, other, strict=True):
                assert_same_history(logs, expected)

    def test_stops_early_as_keras(self, data):
        given, no = two_outputs(), ~data["yes"][:40]  # so that one of the losses rises
        clf = KerasClassifier(given, loss=self.LOSS, early_stopping=True, shuffle=False, **FIT)
        clf.set_params(monitor="val_yes_loss", n_iter_no_change=1, tol=0)
        clf.fit(
            data["table"],
            self.y(data),
            validation_data=(data["table"][:40], {"colour": data["colour"][:40], "yes": no}),
        )
        stop = keras.callbacks.EarlyStopping("val_yes_loss", patience=1, restore_best_weights=True, mode="min")
        y, losses = self.encoded(data), list(self.LOSS.values())
        validation = data["table"][:40], [y[0][:40], no.astype(float)[:, np.newaxis]]
        history = keras_fit(given, data["table"], y, losses, callbacks=[stop], validation_data=validation)
        assert_same_history(clf.history_, history)
        losses = history["val_yes_loss"]
        assert (clf.n_iter_, clf.best_epoch_) == (len(losses), 1 + np.argmin(losses))
        for one, other in zip(clf.model_.get_weights(), given.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)

    def test_keeps_the_last_finite_weights(self, data):
        reg = KerasRegressor(lambda: two_outputs((1, 1), (None, None)), **FIT | {"epochs": 60, "optimizer": "sgd"})
        reg.set_params(loss="mse", learning_rate=10.0)
        with pytest.warns(ConvergenceWarning, match="diverged"):
            reg.fit(data["table"], {"colour": data["size"], "yes": data["size"]})
        assert all(np.isfinite(weight).all() for weight in reg.model_.get_weights())
        assert reg.n_iter_ < 60


class TestNamedArrays:
    def test_rows_and_names(self):
        X = NamedArrays({"a": np.arange(6).reshape(3, 2)}, b=[1.0, 2.0, 3.0])
        assert (len(X), X.shape, X.names) == (3, (3,), ["a", "b"])
        for rows in (np.array([2, 0]), [2, 0], slice(None, None, -2)):
            np.testing.assert_array_equal(X[rows]["a"], [[4, 5], [0, 1]])
        np.testing.assert_array_equal(X[np.array([True, False, True])]["b"], [1, 3])
        np.testing.assert_array_equal(np.asarray(X), [[0, 1, 1], [2, 3, 2], [4, 5, 3]])
        assert repr(X) == "NamedArrays(a=int64 (3, 2), b=float64 (3,))"
        assert NamedArrays(X).names == X.names

    @pytest.mark.parametrize(
        "given, error, said",
        [
            ({}, ValueError, "at least one array"),
            ({"a": 1.0}, ValueError, "'a' must be an array with rows"),
            ({1: [1.0]}, TypeError, "names of NamedArrays must be strings"),
            ({"a": [1, 2], "b": [1]}, ValueError, r"the same number of rows. Got {'a': 2, 'b': 1}"),
        ],
    )
    def test_what_it_does_not_take(self, given, error, said):
        with pytest.raises(error, match=said):
            NamedArrays(given)


class TestEncodersOfDicts:
    def test_outputs_in_a_dict(self, data):
        class ByName(TransformerMixin, BaseEstimator):
            def fit(self, y):
                return self

            def transform(self, y):
                return {"yes": y[:, 1], "colour": y[:, 0]}

            def inverse_transform(self, y):
                return np.column_stack([y["colour"].argmax(axis=1), y["yes"][:, 0] > 0.5])

        class Own(KerasClassifier):
            @property
            def target_encoder(self):
                return ByName()

        y = np.column_stack([np.searchsorted(COLOURS, data["colour"]), data["yes"]])
        given = two_outputs(as_dict=True)
        given.compile("adam", {"colour": "sparse_categorical_crossentropy", "yes": "binary_crossentropy"})
        clf = Own(given, epochs=3, verbose=0, shuffle=False).fit(data["table"], y)
        targets = {"colour": y[:, 0], "yes": y[:, 1]}
        assert_same_history(clf.history_, given.fit(data["table"], targets, 32, 3, verbose=0, shuffle=False).history)
        outputs = given.predict(data["table"], verbose=0)
        np.testing.assert_array_equal(clf.predict(data["table"]), ByName().inverse_transform(outputs))
        with pytest.raises(AttributeError, match="predict_proba needs a target_encoder whose inverse_transform takes"):
            clf.predict_proba(data["table"])


class TestGivenByOutput:
    """Losses, metrics and weights by the names of outputs, or in lists, which may be for others than there are."""

    @pytest.fixture
    def single(self):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="colour")])

    NAMED = "but the output of the model is 'colour', by the name of its layer"

    @pytest.mark.parametrize(
        "settings, said",
        [
            (
                {"loss": {"color": keras.losses.SparseCategoricalCrossentropy}},
                f"loss names 'color', {NAMED}.*'colour'?",
            ),
            ({"metrics": {"dense": "accuracy"}}, f"metrics names 'dense', {NAMED}"),
            ({"loss_weights": {"dense": 2.0}}, f"loss_weights names 'dense', {NAMED}"),
            ({"loss": ["mse", "mae"]}, r"loss is for 2 outputs, but the model has 1 output: 'colour'. Got \['mse'"),
            ({"loss": []}, "loss is for 0 outputs"),
            ({"loss": {}}, "loss has nothing for 'colour'"),
            ({"loss_weights": [1.0, 2.0]}, "loss_weights is for 2 outputs, but the model has 1"),
            ({"metrics": [["accuracy"], ["accuracy"]]}, "metrics is for 2 outputs, but the model has 1"),
        ],
    )
    def test_not_for_the_one_output(self, settings, said, single, data):
        with pytest.raises(ValueError, match=said):
            KerasClassifier(single, **settings, **FIT).fit(data["table"], data["colour"])

    @pytest.mark.parametrize("kind", [KerasRegressor, KerasTransformer])
    @pytest.mark.parametrize("name, value", [("loss", "mse"), ("metrics", "mae"), ("loss_weights", 2.0)])
    def test_in_the_others(self, kind, name, value, data):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="rebuilt")])
        with pytest.raises(ValueError, match=f"{name} names 'dense', but the output of the model is 'rebuilt'"):
            kind(model, **{name: {"dense": value}}, **FIT).fit(data["table"], data["table"])

    @pytest.mark.parametrize("as_dict", [False, True])
    @pytest.mark.parametrize(
        "settings, said",
        [
            ({"loss": {"a": "mse"}}, "loss has nothing for 'b', but the outputs of the model are 'a', 'b'"),
            ({"loss": {"a": "mse", "c": "mse"}}, "loss names 'c', but the outputs of the model are 'a', 'b'"),
            ({"loss": ["mse"] * 3}, "loss is for 3 outputs, but the model has 2 outputs: 'a', 'b'"),
            ({"metrics": {"c": "mae"}}, "metrics names 'c'"),
            ({"metrics": ["mae"]}, "metrics is for 1 output, but the model has 2|metrics must be a dict with 'a', 'b'"),
            ({"loss_weights": {"a": 2.0}}, "loss_weights has nothing for 'b'"),
            ({"loss_weights": [2.0]}, "loss_weights is for 1 output, but the model has 2"),
        ],
    )
    def test_not_for_the_two(self, settings, said, as_dict, data):
        model = two_outputs((1, 1), (None, None), ("a", "b"), as_dict=as_dict)
        y = {"a": data["size"], "b": data["table"][:, 3]}
        with pytest.raises(ValueError, match=said):
            KerasRegressor(model, **settings, **FIT).fit(data["table"], y)

    def test_outputs_without_names(self, data):
        class Own(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = keras.layers.Dense(3, "softmax")

            def call(self, x):
                return self.dense(x)

        with pytest.raises(ValueError, match="loss names 'dense', but outputs of this model have no names: give"):
            KerasClassifier(Own, loss={"dense": "mse"}, **FIT).fit(data["table"], data["colour"])

    @pytest.mark.parametrize("form", ["given", "compile_kwargs", "compiled"])
    @pytest.mark.parametrize("is_functional", [False, True])
    def test_the_one_output_by_its_name_is_as_without(self, form, is_functional, data):
        settings = {"loss": "categorical_crossentropy", "metrics": ["accuracy"], "loss_weights": 2.0}
        by_name = {name: {"colour": each} for name, each in settings.items()}

        def build():
            inputs, dense = keras.Input((4,)), keras.layers.Dense(3, "softmax", name="colour")
            return keras.Model(inputs, dense(inputs)) if is_functional else keras.Sequential([inputs, dense])

        def compiled(meta, compile_kwargs):
            model = build()
            model.compile(**compile_kwargs if form == "compile_kwargs" else {"optimizer": "adam"} | by_name)
            return model

        plain = KerasClassifier(build, **settings, **FIT).fit(data["table"], data["colour"])
        function = build if form == "given" else compiled
        named = KerasClassifier(function, **{} if form == "compiled" else by_name, **FIT)
        named.fit(data["table"], data["colour"])
        assert named.history_ == plain.history_

    @pytest.mark.parametrize("as_dict", [False, True])
    @pytest.mark.parametrize("weights", [[1.0, 5.0], {"b": 5.0, "a": 1.0}, 5.0])
    @pytest.mark.parametrize("loss", ["mse", ["mse", "mse"], {"b": "mse", "a": "mse"}])
    def test_weights_of_losses_in_other_forms(self, loss, weights, as_dict, data):
        """For one loss of all outputs Keras refuses those of each, or takes the first for all."""
        model = two_outputs((1, 1), (None, None), ("a", "b"), as_dict=as_dict)
        y = {"a": data["size"], "b": data["table"][:, 3]}
        reg = KerasRegressor(model, loss=loss, loss_weights=weights, batch_size=-1, **FIT).fit(data["table"], y)
        of_a, of_b = (1.0, 5.0) if weights != 5.0 else (5.0, 5.0)
        history = {name: values[0] for name, values in reg.history_.items()}
        total = of_a * history["a_loss"] + of_b * history["b_loss"]
        assert history["loss"] == pytest.approx(total, rel=1e-5)

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")
    @pytest.mark.parametrize("is_compiled", [False, True])
    def test_outputs_without_a_loss_behind_a_target_encoder(self, is_compiled, data):
        """Keras does not train those of a dict that have none."""

        class Columns(TransformerMixin, BaseEstimator):
            def fit(self, Y):
                return self

            def transform(self, Y):
                return {"a": Y[:, :1], "b": Y[:, 1:]}

            def inverse_transform(self, outputs):
                return np.column_stack([outputs["a"], outputs["b"]])

        class OfColumns(KerasRegressor):
            target_encoder = Columns()

        model = two_outputs((1, 1), (None, None), ("a", "b"), as_dict=True)
        if is_compiled:
            model.compile("adam", {"a": "mse"})
        Y = np.column_stack([data["size"], data["size"]])
        reg = OfColumns(model, loss=None if is_compiled else {"a": "mse"}, **FIT).fit(data["table"], Y)
        before, after = ([layer.get_weights()[0] for layer in each.layers[-2:]] for each in (model, reg.model_))
        assert not np.array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1], after[1])
        with pytest.raises(ValueError, match="loss names 'c', but the outputs of the model are 'a', 'b'"):
            OfColumns(two_outputs((1, 1), (None, None), ("a", "b"), as_dict=True), loss={"c": "mse"}).fit(
                data["table"], Y
            )
