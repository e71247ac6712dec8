"""The range test of learning rates: the losses of its steps, what it suggests, and what it leaves alone."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DNNClassifier, DNNRegressor, Flatten, KerasClassifier, ScaleToUnit
from skdeep.plotting import LearningRateDisplay

RANGE = {"min_rate": 0.01, "max_rate": 1.0, "n_steps": 12}
RATES = np.geomspace(0.01, 1.0, 12)
BATCH_SIZE = 500


@pytest.fixture(autouse=True)
def agg():
    """Draw without a screen, and close what was drawn."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def softmax_model():
    """Return a model of one layer whose weights are zero, so that every fit begins with the same."""
    return keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros")]
    )


def compiled(optimizer):
    model = softmax_model()
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    return model


def losses_by_formula(X, y):
    """Return the losses of softmax regression from zero by gradient descent, each before the step."""
    weights, losses = np.zeros((X.shape[1] + 1, 10)), []
    X, targets = np.column_stack([X, np.ones(len(X))]), np.eye(10)[y]
    starts = range(0, len(X), BATCH_SIZE)
    for step, rate in enumerate(RATES):
        batch = slice(starts[step % len(starts)], starts[step % len(starts)] + BATCH_SIZE)
        scores = np.exp(X[batch] @ weights)
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        losses.append(-np.log((probabilities * targets[batch]).sum(axis=1)).mean())
        weights -= rate * X[batch].T @ (probabilities - targets[batch]) / len(X[batch])
    return losses


def softmax_classifier(model=softmax_model, **parameters):
    return KerasClassifier(model, batch_size=BATCH_SIZE, shuffle=False, verbose=0, **parameters)


ESTIMATORS = {
    "name of an optimizer": lambda: softmax_classifier(optimizer="sgd"),
    "schedule by name": lambda: softmax_classifier(
        optimizer="sgd", learning_rate="cosine", learning_rate__max=0.3, learning_rate__warmup=0.1
    ),
    "schedule of Keras": lambda: softmax_classifier(
        optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5))
    ),
    "compiled by a function": lambda: softmax_classifier(lambda: compiled("sgd")),
    "compiled model": lambda: softmax_classifier(compiled(keras.optimizers.SGD(0.3))),
    "what trains otherwise": lambda: softmax_classifier(
        optimizer="sgd",
        callbacks="EarlyStopping",
        callbacks__patience=1,
        validation_split=0.5,
        first_stage__epochs=2,
        fit__epochs=1,
    ),
    "ready network": lambda: DNNClassifier(
        (),
        kernel_initializer="zeros",
        optimizer="sgd",
        optimizer__learning_rate=0.3,
        batch_size=BATCH_SIZE,
        shuffle=False,
        validation_fraction=0.5,
        early_stopping=True,
        epochs=1,
    ),
}


class TestLosses:
    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_are_those_of_steps_at_rising_rates(self, name, data):
        display = LearningRateDisplay.from_estimator(ESTIMATORS[name](), *data, **RANGE)
        assert_allclose(display.rates, RATES)
        assert_allclose(display.losses, losses_by_formula(*data), rtol=1e-5)

    def test_traces_of_other_fits_are_not_in_the_way(self, data):
        for _ in range(2):
            ESTIMATORS["name of an optimizer"]().fit(*data)
        display = LearningRateDisplay.from_estimator(ESTIMATORS["name of an optimizer"](), *data, **RANGE)
        assert_allclose(display.losses, losses_by_formula(*data), rtol=1e-5)

    def test_of_a_pipeline_are_those_of_what_its_steps_give(self, data):
        pipe = make_pipeline(Flatten(), ScaleToUnit(), softmax_classifier(optimizer="sgd"))
        display = LearningRateDisplay.from_estimator(pipe, 16 * data[0].reshape(-1, 8, 8), data[1], **RANGE)
        assert_allclose(display.losses, losses_by_formula(*data), rtol=1e-5)
        assert not hasattr(pipe[1], "max_value_")

    def test_end_where_they_rise(self, data):
        display = LearningRateDisplay.from_estimator(
            softmax_classifier(optimizer="sgd"), *data, min_rate=1e-3, max_rate=1e6, n_steps=40
        )
        losses = np.array(display.losses)
        recent = np.convolve(losses, [0.5, 0.5], mode="valid")  # two of forty
        assert len(display.rates) == len(losses) < 40
        assert recent[-1] > 4 * recent.min()
        assert (recent[:-1] <= 4 * np.minimum.accumulate(recent[:-1])).all()

    def test_end_where_they_are_no_longer_finite(self, data):
        def loss(y_true, y_pred):
            return keras.ops.exp(1000.0 * (keras.ops.max(y_pred, axis=-1) - 0.1))  # of about 1 in the beginning

        clf = softmax_classifier(optimizer="sgd", loss=loss)
        display = LearningRateDisplay.from_estimator(clf, *data, min_rate=1e-6, max_rate=1e6, n_steps=10)
        assert 0 < len(display.losses) < 10
        assert np.isfinite(display.losses).all()
        never_finite = softmax_classifier(optimizer="sgd", loss=lambda y_true, y_pred: np.nan * loss(y_true, y_pred))
        with pytest.raises(ValueError, match="The loss is not finite at the first learning rate, min_rate=1e-06"):
            LearningRateDisplay.from_estimator(never_finite, *data)

    def test_regressors(self):
        X, y = load_diabetes(return_X_y=True)
        reg = make_pipeline(StandardScaler(), DNNRegressor(random_state=0))
        display = LearningRateDisplay.from_estimator(reg, X, y)
        assert 1e-4 < display.suggested_rate < 1e-1


class TestEstimator:
    def test_is_left_alone(self, data):
        clf = DNNClassifier((16,), epochs=2, callbacks="EarlyStopping", validation_fraction=0.1, random_state=0)
        clf.fit(*data)
        parameters, expected = clf.get_params(), clf.predict_proba(data[0])
        LearningRateDisplay.from_estimator(clf, *data, n_steps=20)
        assert clf.get_params() == parameters
        assert_array_equal(clf.predict_proba(data[0]), expected)
        assert_array_equal(clone(clf).fit(*data).predict_proba(data[0]), expected)

    def test_compiled_model_is_left_alone(self, data):
        model = compiled(keras.optimizers.SGD(0.25))
        LearningRateDisplay.from_estimator(softmax_classifier(model), *data, **RANGE)
        assert float(model.optimizer.learning_rate) == 0.25
        assert all((weights == 0).all() for weights in model.get_weights())

    def test_suggested_rate_trains_better_than_much_smaller_ones(self, data):
        for optimizer in ("adam", "sgd"):
            clf = DNNClassifier((32,), optimizer=optimizer, epochs=3, random_state=0)
            rate = LearningRateDisplay.from_estimator(clf, *data).suggested_rate
            losses = [
                clone(clf).set_params(learning_rate=factor * rate).fit(*data).history_["loss"][-1]
                for factor in (0.03, 1.0)
            ]
            assert losses[1] < 0.6 * losses[0]

    @pytest.mark.parametrize(
        "estimator",
        [
            LogisticRegression(),
            make_pipeline(StandardScaler(), LogisticRegression()),
            GridSearchCV(DNNClassifier(), {"alpha": [0.0]}),
            None,
        ],
        ids=["other", "pipeline", "search", "none"],
    )
    def test_without_a_network_is_named(self, estimator, data):
        with pytest.raises(TypeError, match=r"A network of skdeep with the parameters .* is needed"):
            LearningRateDisplay.from_estimator(estimator, *data)

    @pytest.mark.parametrize(
        "params, message",
        [
            ({"min_rate": 0.0}, "min_rate == 0.0, must be > 0"),
            ({"max_rate": -1.0}, "max_rate == -1.0, must be > 0"),
            ({"min_rate": 1.0, "max_rate": 1.0}, "min_rate must be smaller than max_rate"),
            ({"max_rate": np.inf}, "both finite. Got 1e-06 and inf"),
            ({"n_steps": 9}, "n_steps == 9, must be >= 10"),
        ],
    )
    def test_bad_values_are_named(self, params, message, data):
        with pytest.raises(ValueError, match=message):
            LearningRateDisplay.from_estimator(softmax_classifier(), *data, **params)

    def test_bad_y_is_named_as_by_fit(self, data):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            LearningRateDisplay.from_estimator(softmax_classifier(), data[0], data[1][:5])


class TestDisplay:
    def test_suggests_a_tenth_of_the_rate_of_the_lowest_smoothed_loss(self):
        rates = np.geomspace(1e-5, 1e-1, 40)
        losses = np.concatenate([np.linspace(4, 1, 30), np.linspace(1.2, 8, 10)])
        losses[10] = 0.0  # alone
        smoothed = [losses[max(0, i - 2) : i + 3].mean() for i in range(40)]
        display = LearningRateDisplay(rates, losses).plot()
        assert display.suggested_rate == pytest.approx(rates[np.argmin(smoothed)] / 10)
        of_batches, smooth, suggested = display.lines_
        assert_array_equal(of_batches.get_ydata(), losses)
        assert_allclose(smooth.get_ydata(), smoothed)
        assert_allclose(suggested.get_xdata(), display.suggested_rate)
        assert display.ax_.get_xscale() == "log"
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("learning rate", "loss")

    @pytest.mark.parametrize("losses", [[1.0, 2.0, 3.0], [2.0, 1.0, 3.0], [1.0, 1.0, 1.0]])
    def test_suggests_nothing_where_the_loss_does_not_fall_or_no_such_rate_was_tried(self, losses):
        display = LearningRateDisplay([0.1, 0.2, 0.4], losses).plot()
        assert display.suggested_rate is None
        assert len(display.lines_) == 2

    def test_axes_that_are_given(self):
        figure, axes = plt.subplots()
        display = LearningRateDisplay([0.1, 1.0], [2.0, 1.0])
        assert display.plot(ax=axes) is display
        assert display.ax_ is axes
        assert display.figure_ is figure

    @pytest.mark.parametrize("rates, losses", [([1.0], [1.0, 2.0]), ([], []), ([[1.0]], [[1.0]]), ([0.0], [1.0])])
    def test_bad_arrays_are_named(self, rates, losses):
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples|rates and losses must be of shape"):
            LearningRateDisplay(rates, losses).plot()
