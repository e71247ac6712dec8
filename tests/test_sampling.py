"""Weights of rows and classes, and the split into training and validation rows."""

import numpy as np
import pytest
import sklearn
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from skdeep import DNNClassifier, DNNRegressor


def exact(**params):
    """One batch in float64, without dropout: rows in another order give the same but for the last bits."""
    return DNNClassifier(
        (12,),
        **{"dropout": 0, "batch_size": 10_000, "dtype_policy": "float64", "epochs": 20, "random_state": 0} | params,
    )


def assert_same(first, second, X):
    np.testing.assert_allclose(first.predict_proba(X), second.predict_proba(X), rtol=1e-7, atol=1e-10)


class TestSampleWeight:
    def test_whole_numbers_repeat_rows_and_zero_leaves_them_out(self, iris, rng):
        X, y = iris
        repeats = rng.integers(0, 4, size=len(y))
        weighted = exact().fit(X, y, sample_weight=repeats)
        repeated = exact().fit(X.repeat(repeats, axis=0), y.repeat(repeats))
        assert_same(weighted, repeated, X)
        np.testing.assert_allclose(weighted.history_["loss"], repeated.history_["loss"], rtol=1e-5)
        np.testing.assert_allclose(weighted.history_["accuracy"], repeated.history_["accuracy"], rtol=1e-5)

    @pytest.mark.parametrize("scale", [1, 0.001, 1000])
    def test_equal_weights_are_none(self, scale, iris):
        X, y = iris
        assert_same(exact().fit(X, y, sample_weight=np.full(len(y), scale)), exact().fit(X, y), X)

    def test_a_class_of_weight_zero_is_absent(self, iris):
        X, y = iris
        clf = exact().fit(X, y, sample_weight=(y != 1).astype(float))
        assert clf.classes_.tolist() == [0, 2]
        assert_same(clf, exact().fit(X[y != 1], y[y != 1]), X)

    def test_partial_fit_takes_weights(self, iris):
        X, y = iris
        weighted = exact().partial_fit(X, y, classes=[0, 1, 2], sample_weight=(y != 1).astype(float))
        assert_same(weighted, exact().partial_fit(X[y != 1], y[y != 1], classes=[0, 1, 2]), X)

    def test_partial_fit_compares_weights_between_calls(self, iris):
        """A call of tiny weights must not move the network as one of ordinary weights does."""
        X, y = iris
        sgd = {"optimizer": "sgd", "learning_rate": 0.1, "class_weight": {0: 1.0, 1: 1e-9, 2: 1.0}}
        clf = exact(**sgd).partial_fit(X, y, classes=[0, 1, 2])
        before = clf.predict_proba(X)
        clf.partial_fit(X[y == 1], y[y == 1])
        np.testing.assert_allclose(clf.predict_proba(X), before, atol=1e-6)
        clf.partial_fit(X[y == 2], y[y == 2])
        assert np.abs(clf.predict_proba(X) - before).max() > 1e-3

    def test_they_weigh_the_validation_rows(self, iris):
        X, y = iris
        X, y = np.vstack([X, X]), np.hstack([y, (y + 1) % 3])
        weight = np.repeat([1.0, 1e-6], 150)
        clf = exact(validation_fraction=0.5, epochs=100, learning_rate=0.01).fit(X, y, sample_weight=weight)
        assert clf.history_["val_accuracy"][-1] > 0.9

    @pytest.mark.parametrize(
        "weight, message",
        [
            (np.zeros(150), "Sample weights must contain at least one non-zero number"),
            (np.full(150, -1.0), "Negative values in data passed to `sample_weight`"),
            (np.full(150, np.nan), "Input sample_weight contains NaN"),
            (np.ones(149), "sample_weight.shape == .149,., expected .150,."),
            (np.ones((150, 2)), "Sample weights must be 1D array or scalar"),
        ],
    )
    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_bad_weights_are_named(self, method, weight, message, iris):
        keywords = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
        with pytest.raises(ValueError, match=message):
            getattr(exact(), method)(*iris, sample_weight=weight, **keywords)


class TestClassWeight:
    @pytest.mark.parametrize("names", [[0, 1, 2], ["a", "b", "c"], ["10", "20", "30"], [False, True]])
    def test_by_label_it_is_the_sample_weight_of_each_row(self, names, iris):
        n_rows = 50 * len(names)
        X, codes = iris[0][:n_rows], iris[1][:n_rows]
        y = np.array(names)[codes]
        clf = exact(class_weight={names[0]: 3.0, names[1]: 0.5}).fit(X, y)
        assert_same(clf, exact().fit(X, y, sample_weight=np.array([3, 0.5, 1])[codes]), X)

    def test_balanced(self, iris):
        X, y = iris[0][40:], iris[1][40:]
        clf = exact(class_weight="balanced").fit(X, y)
        assert_same(clf, exact().fit(X, y, sample_weight=np.where(y == 0, 5.0, 1.0)), X)

    def test_it_multiplies_with_sample_weight(self, iris, rng):
        X, y = iris
        weight = rng.uniform(1, 2, size=len(y))
        clf = exact(class_weight={1: 2}).fit(X, y, sample_weight=weight)
        assert_same(clf, exact().fit(X, y, sample_weight=weight * np.where(y == 1, 2, 1)), X)

    def test_for_one_hot_rows_labels_are_column_numbers(self, iris):
        X, y = iris
        clf = exact(class_weight={2: 5}).fit(X, np.eye(3)[y])
        assert_same(clf, exact(class_weight={2: 5}).fit(X, y), X)

    def test_a_weight_for_a_class_that_is_not_in_y_is_no_error_if_all_others_have_one(self, iris):
        X, y = iris
        clf = exact(class_weight={0: 1, 1: 2, 2: 3, 9: 4}).fit(X, y)
        assert_same(clf, exact(class_weight={1: 2, 2: 3}).fit(X, y), X)

    def test_unknown_labels_are_named(self, iris):
        with pytest.raises(
            ValueError, match=r"class_weight has weights for \['a'\], but the classes in y are \[0, 1, 2\]"
        ):
            exact(class_weight={"a": 2}).fit(*iris)

    def test_no_row_with_a_weight_is_an_error(self, iris):
        X, y = iris
        with pytest.raises(ValueError, match="class_weight must hold finite weights of at least 0, not all 0"):
            exact(class_weight={0: 0, 1: 0, 2: 1}).fit(X[y < 2], y[y < 2])

    def test_not_for_multilabel(self, iris):
        y = np.column_stack([iris[1] > 0, iris[1] < 2]).astype(int)
        with pytest.raises(ValueError, match="class_weight is for targets with one class a row"):
            exact(class_weight="balanced").fit(iris[0], y)


class TestWeightsOfValidationRows:
    @pytest.mark.parametrize("class_weight", [None, {0: 10.0, 1: 1.0, 2: 0.1}, "balanced"])
    @pytest.mark.parametrize("is_weighted", [True, False])
    def test_as_scikit_learn_scores_with_them(self, class_weight, is_weighted, iris, rng):
        X, y = iris
        X_val, y_val = X[30:120], y[30:120]
        weight = rng.uniform(0.5, 20, size=90) if is_weighted else None
        clf = exact(class_weight=class_weight, epochs=3)
        clf.fit(X[25:], y[25:], X_val=X_val, y_val=y_val, sample_weight_val=weight)
        total = np.ones(90) if weight is None else weight
        if class_weight == "balanced":  # by the rows that train
            class_weight = dict(enumerate(125 / (3 * np.bincount(y[25:]))))
        total = total * compute_sample_weight(class_weight, y_val)
        expected = log_loss(y_val, clf.predict_proba(X_val), sample_weight=total)
        assert clf.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-6)
        expected = accuracy_score(y_val, clf.predict(X_val), sample_weight=total)
        assert clf.history_["val_accuracy"][-1] == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("class_weight", [None, {0: 10.0, 1: 1.0, 2: 0.1}, "balanced"])
    def test_drawn_or_given_they_count_the_same(self, class_weight, iris):
        X, y = iris[0][[0, 50, 100]].repeat(50, axis=0), iris[1]  # whichever rows are drawn, they are these
        of_class = np.array([1.0, 4.0, 2.0])
        held = {"X_val": X[::5], "y_val": y[::5], "sample_weight_val": of_class[y[::5]]}
        rest = np.arange(150) % 5 > 0
        drawn = exact(class_weight=class_weight, validation_fraction=0.2).fit(X, y, of_class[y])
        given = exact(class_weight=class_weight).fit(X[rest], y[rest], of_class[y[rest]], **held)
        # The initial weights are drawn before the validation rows, so the networks are the same.
        np.testing.assert_allclose(drawn.history_["val_loss"], given.history_["val_loss"], rtol=1e-6)
        np.testing.assert_allclose(drawn.history_["loss"], given.history_["loss"], rtol=1e-6)

    def test_of_regressors(self, iris, rng):
        X, y, weight = iris[0][:, :3], iris[0][:, 3], rng.uniform(0, 5, size=150)
        settings = {"scale_targets": False, "dtype_policy": "float64", "epochs": 2, "random_state": 0}
        reg = DNNRegressor((8,), **settings).fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
        expected = mean_squared_error(y, reg.predict(X), sample_weight=weight)
        assert reg.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-6)

    def test_rows_of_weight_zero_are_absent(self, iris):
        X, y = iris
        labels = np.where(y[50:] == 2, 7, y[50:])  # which are not in y
        clf = exact(epochs=2).fit(X, y, X_val=X[50:], y_val=labels, sample_weight_val=(y[50:] == 1) * 3.0)
        alone = exact(epochs=2).fit(X, y, X_val=X[50:100], y_val=y[50:100])
        assert clf.history_["val_loss"] == pytest.approx(alone.history_["val_loss"], rel=1e-6)

    @pytest.mark.parametrize("method", ["a pipeline", "a search"])
    def test_they_are_routed(self, method, iris, rng):
        (X, y), weight = iris, rng.uniform(0, 5, size=90)
        held = {"X_val": X[30:120], "y_val": y[30:120], "sample_weight_val": weight}
        expected = exact(epochs=2).fit(X, y, **held)
        with sklearn.config_context(enable_metadata_routing=True):
            clf = exact(epochs=2).set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
            if method == "a pipeline":
                found = make_pipeline(StandardScaler(), clf, transform_input=["X_val"]).fit(X, y, **held)[-1]
            else:
                found = GridSearchCV(clf, {"alpha": [0.0]}, cv=2).fit(X, y, **held).best_estimator_
        assert found.history_["val_loss"] == pytest.approx(expected.history_["val_loss"], rel=1e-6)

    @pytest.mark.parametrize(
        "weight, message",
        [
            (np.zeros(150), "sample_weight_val must contain at least one non-zero number"),
            (np.full(150, -1.0), "Negative values in data passed to `sample_weight_val`"),
            (np.full(150, np.nan), "sample_weight_val contains NaN"),
            (np.ones(149), "sample_weight_val.shape == .149,., expected .150,."),
            ("balanced", "sample_weight_val"),
        ],
    )
    def test_bad_ones_are_named(self, weight, message, iris):
        clf = exact(epochs=1).fit(*iris)
        before = clf.predict_proba(iris[0])
        with pytest.raises(ValueError, match=message):
            clf.fit(*iris, X_val=iris[0], y_val=iris[1], sample_weight_val=weight)
        np.testing.assert_array_equal(clf.predict_proba(iris[0]), before)

    def test_alone_they_are_an_error(self, iris):
        with pytest.raises(ValueError, match=r"^sample_weight_val was given without X_val and y_val"):
            exact().fit(*iris, sample_weight_val=np.ones(150))

    def test_class_weight_that_leaves_no_row_is_an_error(self, iris):
        X, y = iris
        with pytest.raises(ValueError, match="class_weight gives all rows that validate the weight 0"):
            exact(class_weight={0: 0.0}).fit(X, y, X_val=X[:50], y_val=y[:50])


class TestValidationFraction:
    def test_it_has_the_same_share_of_each_class(self):
        """A network that cannot learn but the class shares has the accuracy of the largest class, in both parts."""
        y = np.repeat([0, 1], [80, 20])
        X = np.zeros((100, 1))
        clf = exact(validation_fraction=0.2, learning_rate=0.1, epochs=100).fit(X, y)
        assert clf.history_["accuracy"][-1] == clf.history_["val_accuracy"][-1] == pytest.approx(0.8)

    def test_the_rows_are_not_trained_on(self, iris):
        """Rows that tell nothing about the others are learned by heart, the validation rows are not."""
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(100, 50)), rng.integers(0, 2, 100)
        clf = exact(validation_fraction=0.3, learning_rate=0.01, epochs=200).fit(X, y)
        assert clf.history_["accuracy"][-1] == 1
        assert clf.history_["val_accuracy"][-1] < 0.9

    def test_a_class_with_a_single_row_is_warned_about(self, iris):
        X, y = iris[0], np.where(np.arange(150) == 3, "rare", "common")
        with pytest.warns(UserWarning, match=r"drawn without regard to the classes.* of class 'rare'"):
            clf = exact(validation_fraction=0.2).fit(X, y)
        assert "val_loss" in clf.history_

    def test_multilabel_rows_are_split_too(self, iris):
        y = np.column_stack([iris[1] > 0, iris[1] < 2]).astype(int)
        assert "val_loss" in exact(validation_fraction=0.2).fit(iris[0], y).history_

    def test_no_row_left_to_train_on(self):
        with pytest.raises(ValueError, match=r"validation_fraction=0.9 of 4 rows leaves no row to train on"):
            exact(validation_fraction=0.9).fit(np.eye(4), [0, 1, 0, 1])
