"""The displays: what is drawn of histories, images and predictions."""

import subprocess
import sys
from types import SimpleNamespace

import hypothesis.extra.numpy as hnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skdeep import DNNClassifier, Flatten, ScaleToUnit
from skdeep.plotting import (
    ImageGridDisplay,
    PredictionDisplay,
    TrainingHistoryDisplay,
    plot_accuracy,
    plot_history,
    plot_loss,
)

HISTORY = {
    "loss": [1.5, 0.7, 0.4],
    "accuracy": [0.5, 0.8, 0.9],
    "val_loss": [1.0, 0.8, 0.7],
    "val_accuracy": [0.6, 0.7, 0.8],
}
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(autouse=True)
def agg():
    """Draw without a screen, and close what was drawn."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def network(**params):
    return DNNClassifier((16,), **{"epochs": 4, "validation_fraction": 0.2, "random_state": 0} | params)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def pipe(digits):
    return make_pipeline(Flatten(), ScaleToUnit(), network()).fit(digits.images, digits.target)


@pytest.fixture(scope="module")
def one_hot_pipe(digits):
    return make_pipeline(Flatten(), network(epochs=2)).fit(digits.images, np.eye(10)[digits.target])


def pixels(display):
    """Return what the figure looks like, of shape (height, width, 3)."""
    display.figure_.canvas.draw()
    return np.asarray(display.figure_.canvas.buffer_rgba())[..., :3].astype(int)


def values_drawn(display):
    return np.stack([np.asarray(image.get_array()) for image in display.images_])


def titles(display):
    return [text.get_text() for text in display.texts_]


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def boxes(artists):
    """Return left, bottom, right and top of each, in pixels."""
    extents = [artist.get_window_extent() for artist in artists]
    return np.array([[*extent.min, *extent.max] for extent in extents])


def test_plotting_loads_neither_tensorflow_nor_matplotlib():
    code = "import sys, skdeep.plotting; print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


class TestTrainingHistoryDisplay:
    def test_loss_and_accuracy_side_by_side(self):
        display = TrainingHistoryDisplay.from_history(HISTORY)
        assert [axes.get_ylabel() for axes in display.axes_] == ["loss", "accuracy"]
        assert [axes.get_xlabel() for axes in display.axes_] == ["epoch", "epoch"]
        assert display.ax_ is display.axes_[0]
        assert set(display.figure_.axes) == set(display.axes_)
        for line, name in zip(display.lines_, ["loss", "val_loss", "accuracy", "val_accuracy"], strict=True):
            assert_array_equal(line.get_xdata(), [1, 2, 3])
            assert_array_equal(line.get_ydata(), HISTORY[name])
            assert line.get_linestyle() == (":" if name.startswith("val_") else "-")
        assert len({line.get_color() for line in display.lines_}) == 1
        assert [legend(axes) for axes in display.axes_] == [["training", "validation"]] * 2

    @pytest.mark.parametrize("n_epochs", [1, 2, 3, 7, 30, 200])
    def test_epochs_are_whole_numbers_from_one(self, n_epochs):
        display = TrainingHistoryDisplay.from_history({"loss": np.linspace(1, 0, n_epochs)})
        display.figure_.canvas.draw()
        low, high = display.ax_.get_xlim()
        ticks = [tick for tick in display.ax_.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == round(tick) and 1 <= tick <= n_epochs for tick in ticks)
        if n_epochs > 1:
            assert (low, high) == (1, n_epochs)

    def test_one_epoch_can_be_seen(self):
        display = TrainingHistoryDisplay.from_history({"loss": [0.5]})
        before = pixels(display)
        display.lines_[0].remove()
        assert (pixels(display) != before).any()

    def test_without_accuracy_or_validation(self):
        display = TrainingHistoryDisplay.from_history({"loss": [2, 1]})
        assert [axes.get_ylabel() for axes in display.axes_] == ["loss"]
        assert legend(display.ax_) == ["training"]

    def test_without_loss_the_first_metric_is_drawn(self):
        display = TrainingHistoryDisplay.from_history({"auc": [0.5, 0.6], "recall": [0.1, 0.2]})
        assert [axes.get_ylabel() for axes in display.axes_] == ["auc"]

    @pytest.mark.parametrize("metrics", ["accuracy", ["accuracy"], ("accuracy",)])
    def test_one_metric(self, metrics):
        display = TrainingHistoryDisplay.from_history(HISTORY, metrics=metrics)
        assert [axes.get_ylabel() for axes in display.axes_] == ["accuracy"]

    def test_several_models_have_a_colour_each_and_one_entry_in_the_legend(self):
        histories = {name: {key: np.add(HISTORY[key], shift) for key in HISTORY} for shift, name in enumerate("abcd")}
        display = TrainingHistoryDisplay.from_history(histories)
        assert [legend(axes) for axes in display.axes_] == [list("abcd")] * 2
        assert display.ax_.get_legend().get_title().get_text() == "dotted: validation"
        colors = [line.get_color() for line in display.lines_]
        assert colors[::2] == colors[1::2]
        assert len(set(colors)) == 4

    def test_names_that_begin_with_an_underscore_are_in_the_legend(self):
        display = TrainingHistoryDisplay.from_history({"_a": {"loss": [1, 2]}, "b": {"loss": [2, 1]}})
        assert legend(display.ax_) == ["_a", "b"]

    @pytest.mark.parametrize("history", [None, 3, "loss"])
    def test_what_is_no_history_is_named(self, history):
        with pytest.raises(TypeError, match=f"dict of these by name. Got {type(history).__name__}"):
            TrainingHistoryDisplay.from_history(history)

    def test_no_metric_at_all(self):
        with pytest.raises(ValueError, match="metrics must name at least one metric"):
            TrainingHistoryDisplay.from_history({"loss": [1.0, 2.0]}, metrics=[])

    def test_one_validation_curve_for_each_model(self):
        display = TrainingHistoryDisplay.from_history({"a": HISTORY, "b": HISTORY}, metrics="val_loss")
        assert display.ax_.get_ylabel() == "validation loss"
        assert legend(display.ax_) == ["a", "b"]
        assert display.ax_.get_legend().get_title().get_text() == ""
        assert len(display.lines_) == 2

    def test_models_may_be_named_by_numbers(self):
        assert legend(plot_history({0: HISTORY, 0.1: HISTORY}).ax_) == ["0", "0.1"]

    def test_from_estimator_pipeline_and_search(self, pipe, digits):
        search = GridSearchCV(make_pipeline(Flatten(), network(epochs=2)), {"dnnclassifier__dropout": [0.1]}, cv=2)
        search.fit(digits.images[:200], digits.target[:200])
        nested = make_pipeline(ScaleToUnit(), search).fit(digits.images[:200], digits.target[:200])
        for estimator, history in [
            (pipe[-1], pipe[-1].history_),
            (pipe, pipe[-1].history_),
            (search, search.best_estimator_[-1].history_),
            (nested, nested[-1].best_estimator_[-1].history_),
        ]:
            display = TrainingHistoryDisplay.from_estimator(estimator)
            drawn = [line.get_ydata().tolist() for line in display.lines_]
            assert drawn == [history[name] for name in ("loss", "val_loss", "accuracy", "val_accuracy")]

    def test_what_keras_returns(self):
        history = SimpleNamespace(history=HISTORY)
        assert len(TrainingHistoryDisplay.from_history(history).lines_) == 4
        assert legend(TrainingHistoryDisplay.from_history({"a": history, "b": history}).ax_) == ["a", "b"]

    def test_axes_that_are_given(self):
        figure, axes = plt.subplots(1, 3)
        assert plot_loss({"a": SimpleNamespace(history=HISTORY)}, ax=axes[0]).ax_ is axes[0]
        display = TrainingHistoryDisplay.from_history(HISTORY, ax=axes[1:])
        assert display.axes_.tolist() == axes[1:].tolist()
        assert display.figure_ is figure
        assert plt.get_fignums() == [figure.number]

    def test_plot_again(self):
        display = TrainingHistoryDisplay(histories={"": HISTORY})
        assert display.plot() is display
        assert len(display.plot(metrics="val_loss").lines_) == 1
        assert display.histories == {"": HISTORY}

    def test_functions(self, pipe):
        assert [line.get_ydata().tolist() for line in plot_loss(pipe).lines_] == [
            pipe[-1].history_["loss"],
            pipe[-1].history_["val_loss"],
        ]
        assert plot_accuracy(pipe).ax_.get_ylabel() == "accuracy"
        mixed = plot_history({"fitted": pipe, "stored": HISTORY})
        assert [line.get_ydata().tolist() for line in mixed.lines_] == [
            pipe[-1].history_["val_loss"],
            HISTORY["val_loss"],
        ]
        assert plot_history(pipe, metric="accuracy").ax_.get_ylabel() == "accuracy"

    def test_the_program_of_the_network_can_still_be_reused(self, pipe):
        """Reading `model_` would keep it from that."""
        plot_loss(pipe)
        assert not pipe[-1]._network.is_kept

    @pytest.mark.parametrize(
        "estimator", [network(), make_pipeline(Flatten(), network()), GridSearchCV(network(), {"epochs": [1]})]
    )
    def test_unfitted_estimators_say_so(self, estimator):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            TrainingHistoryDisplay.from_estimator(estimator)
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            plot_history({"a": HISTORY, "b": estimator})

    def test_estimators_without_a_history_are_named(self, iris):
        with pytest.raises(TypeError, match="LogisticRegression has no history_"):
            TrainingHistoryDisplay.from_estimator(LogisticRegression().fit(*iris))

    def test_search_without_refit_is_named(self, iris):
        search = GridSearchCV(LogisticRegression(), {"C": [1]}, cv=2, refit=False).fit(*iris)
        with pytest.raises(TypeError, match=r"GridSearchCV has no history_.*refit=True"):
            TrainingHistoryDisplay.from_estimator(search)

    @pytest.mark.parametrize(
        "history, params, message",
        [
            (HISTORY, {"metrics": "auc"}, r"metrics has 'auc', but the history has \['loss', 'accuracy', 'val_loss'"),
            ({"a": HISTORY, "b": {"loss": [1]}}, {"metrics": ["val_loss"]}, r"history of 'b' has \['loss'\]"),
            ({"a": {"auc": [1]}, "b": {"loss": [1]}}, {}, r"metrics has 'auc', but the history of 'b'"),
            ({}, {}, "nothing to draw"),
            ({"a": {}}, {}, "nothing to draw"),
        ],
    )
    def test_bad_values_are_named(self, history, params, message):
        with pytest.raises(ValueError, match=message):
            TrainingHistoryDisplay.from_history(history, **params)
        assert plt.get_fignums() == []

    @pytest.mark.parametrize(
        "best_epochs, history, marked",
        [
            ({"": 2}, HISTORY, [(2, 0.8), (2, 0.7)]),  # on the validation curves
            ({"": 2}, {"loss": [3, 2, 1]}, [(2, 2)]),
            ({"": 3}, HISTORY, []),  # the last
            ({"": 0}, HISTORY, []),  # what a warm start went on from
            (None, HISTORY, []),
            (None, {"loss": [3, 2, 1], "val_loss": [1.0, 0.5, 0.9]}, [(2, 0.5)]),
            (None, {"loss": [3, 2, 1], "val_loss": [np.nan, 0.5, 0.9]}, [(2, 0.5)]),
            (None, {"loss": [3, 2, 1], "val_loss": [np.nan] * 3}, []),
            (None, {"loss": [1, 2, 3]}, []),
        ],
    )
    def test_the_best_epoch_is_marked_where_it_is_not_the_last(self, best_epochs, history, marked):
        display = TrainingHistoryDisplay({"": history}, best_epochs=best_epochs).plot()
        assert [tuple(mark.get_xydata()[0]) for mark in display.marks_] == marked
        note = display.ax_.get_legend().get_title().get_text()
        assert note == ("dot: best epoch" if marked else "")
        assert display.plot(mark_best=False).marks_ == []

    def test_the_best_epoch_is_that_of_the_estimator(self, digits):
        stopped = network(
            epochs=100, learning_rate=0.03, early_stopping=True, n_iter_no_change=3, monitor="val_accuracy"
        )
        X, y = digits.data / 16, digits.target
        stopped.fit(X, y)
        assert stopped.best_epoch_ < stopped.n_iter_
        display = TrainingHistoryDisplay.from_estimator({"a": make_pipeline(stopped), "b": HISTORY}, metrics="accuracy")
        best = stopped.best_epoch_
        assert [tuple(mark.get_xydata()[0]) for mark in display.marks_] == [
            (best, stopped.history_["val_accuracy"][best - 1])
        ]
        assert display.ax_.get_legend().get_title().get_text() == "dotted: validation, dot: best epoch"

    def test_logarithms(self):
        assert plot_history(HISTORY, "loss").ax_.get_yscale() == "linear"
        for display in (
            plot_history(HISTORY, "loss", yscale="log"),
            TrainingHistoryDisplay.from_history(HISTORY, yscale="log"),
        ):
            assert {axes.get_yscale() for axes in display.axes_} == {"log"}
        pixels(TrainingHistoryDisplay.from_history({"loss": [1.0, 0.0, -1.0, np.nan]}, yscale="log"))
        with pytest.raises(ValueError, match=r"yscale='log' needs positive values, but 'loss' has none"):
            TrainingHistoryDisplay.from_history({"loss": [-1.0, -2.0]}, yscale="log")
        with pytest.raises(ValueError, match=r"yscale must be 'linear' or 'log'. Got 'symlog'"):
            TrainingHistoryDisplay.from_history(HISTORY, yscale="symlog")

    def test_folds_and_their_mean(self):
        folds = [{"loss": [4.0, 2.0, 1.0], "val_loss": [5, 1, 2]}, {"loss": [2.0, 1.0], "val_loss": [3, 2]}]
        for display in (TrainingHistoryDisplay.from_history(folds), TrainingHistoryDisplay({"": folds}).plot()):
            drawn = [(line.get_ydata().tolist(), line.get_linestyle()) for line in display.lines_]
            assert drawn == [
                ([4, 2, 1], "-"),
                ([2, 1], "-"),
                ([3, 1.5], "-"),
                ([5, 1, 2], ":"),
                ([3, 2], ":"),
                ([4, 1.5], ":"),
            ]
            widths = [line.get_linewidth() for line in display.lines_]
            assert widths[0] == widths[1] == widths[3] < widths[2] == widths[5]
            assert len({line.get_color() for line in display.lines_}) == 1
            assert legend(display.ax_) == ["training", "validation"]
            assert display.ax_.get_legend().get_title().get_text() == "thin: folds"
            assert display.marks_ == []
        display = plot_history({"a": folds, "b": HISTORY, "c": folds[::-1]})
        assert legend(display.ax_) == ["a", "b", "c"]
        assert len(display.lines_) == 3 + 1 + 3

    def test_folds_of_cross_validate(self, digits):
        X, y = digits.images[:200], digits.target[:200]
        scores = cross_validate(make_pipeline(Flatten(), network(epochs=2)), X, y, cv=3, return_estimator=True)
        expected = [fold[-1].history_["loss"] for fold in scores["estimator"]]
        for folds in (scores, scores["estimator"], tuple(scores["estimator"]), {"a": scores}):
            lines = plot_history(folds, "loss").lines_[:4]
            assert [line.get_ydata().tolist() for line in lines[:3]] == expected
            assert_allclose(lines[3].get_ydata(), np.mean(expected, axis=0))
        assert len(plot_loss(scores).lines_) == 8
        del scores["estimator"]
        with pytest.raises(ValueError, match="call it with return_estimator=True"):
            plot_loss(scores)

    def test_folds_that_lack_something(self):
        with pytest.raises(ValueError, match=r"must have at least one. Got none"):
            plot_history([])
        with pytest.raises(ValueError, match=r"history of 'a' has \['loss'\]"):
            plot_history({"a": [HISTORY, {"loss": [1.0]}]})
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            plot_history([network()])

    def test_wrong_number_of_axes_is_named(self):
        _, axes = plt.subplots()
        with pytest.raises(
            ValueError, match=r"ax must be one Axes for each of the metrics \['loss', 'accuracy'\]. Got 1"
        ):
            TrainingHistoryDisplay.from_history(HISTORY, ax=axes)


IMAGE_ARRAYS = hnp.arrays(
    st.sampled_from(["float64", "float32", "float16", "int64", "int8", "uint16", "uint8", "bool"]),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3, 4])),
)


class TestImageGridDisplay:
    def test_the_first_images_in_rows(self, digits):
        display = ImageGridDisplay(digits.images, titles=digits.target).plot(n_images=36)
        assert len(display.images_) == 36
        assert titles(display) == [str(label) for label in digits.target[:36]]
        assert_allclose(values_drawn(display), digits.images[:36] / 16)
        left, _, _, top = boxes(display.images_).round(3).T
        assert (len(np.unique(left)), len(np.unique(top))) == (6, 6)
        assert (np.diff(left[:6]) > 0).all()
        assert (np.diff(top[::6]) < 0).all()

    @pytest.mark.slow_after(3)
    @pytest.mark.parametrize(
        "low, high, dtype",
        [
            (0, 255, "uint8"),
            (0, 255, float),
            (0, 1, float),
            (-1, 1, float),
            (-2.5, 7, float),
            (0, 1, bool),
            (0, 9, int),
        ],
    )
    @pytest.mark.parametrize("n_channels", [1, 3])
    def test_ranges_of_values_look_the_same(self, low, high, dtype, n_channels, rng):
        unit = rng.integers(0, 2, (5, 6, 6, n_channels))
        unit.flat[:2] = 0, 1
        display = ImageGridDisplay((low + unit * (high - low)).astype(dtype)).plot()
        expected = ImageGridDisplay(unit.astype(float)).plot()
        assert_array_equal(pixels(display), pixels(expected))
        assert {0, 255} <= set(pixels(display).ravel())

    def test_no_image_is_stretched_on_its_own(self):
        images = np.stack([np.full((2, 2), value) for value in (-3.0, 0.0, 3.0)])
        images[0, 0, 0] = np.inf
        drawn = values_drawn(ImageGridDisplay(images).plot())
        assert drawn[:, 1, 1].tolist() == [0, 0.5, 1]
        assert ImageGridDisplay(images).plot(n_images=2).images_[1].get_array()[1, 1] == 0.5

    def test_uint8_and_unit_values_are_not_stretched(self):
        assert_array_equal(values_drawn(ImageGridDisplay(np.full((2, 3, 3), 51, dtype=np.uint8)).plot()), 0.2)
        assert_array_equal(values_drawn(ImageGridDisplay(np.full((2, 3, 3), 0.25)).plot()), 0.25)

    @settings(max_examples=40, deadline=None)
    @given(images=IMAGE_ARRAYS)
    @example(images=np.full((2, 3, 3, 3), np.nan))
    @example(images=np.array([[[np.nan, np.inf], [-np.inf, 2.0]]]))
    @example(images=np.array([[[-1e308, 1e308]]]))
    def test_any_values_and_shapes_are_drawn(self, images):
        display = ImageGridDisplay(images).plot(n_columns=2)
        drawn = values_drawn(display)
        n_channels = images.shape[3] if images.ndim == 4 else 1
        assert drawn.shape == (*images.shape[:3], n_channels)[: 3 if n_channels == 1 else 4]
        assert np.isfinite(drawn).all()
        assert 0 <= drawn.min() <= drawn.max() <= 1
        pixels(display)
        plt.close(display.figure_)

    def test_every_image_is_seen_where_it_belongs(self):
        values = np.arange(10, 240, 20, dtype=np.uint8)
        display = ImageGridDisplay(np.repeat(values, 16).reshape(-1, 4, 4), titles=values).plot(n_columns=5)
        picture = pixels(display)[::-1]
        for (left, bottom, right, top), value in zip(boxes(display.images_), values, strict=True):
            assert_allclose(picture[int(bottom + top) // 2, int(left + right) // 2], value, rtol=0, atol=1)

    def test_colormap(self, digits):
        picture = pixels(ImageGridDisplay(digits.images).plot(n_images=3, cmap="viridis"))
        assert (picture[..., 0] != picture[..., 2]).any()

    @pytest.mark.parametrize("image_shape", [(8, 8), [8, 8, 1], np.array([8, 8])])
    @pytest.mark.parametrize("as_type", [np.asarray, np.ndarray.tolist, pd.DataFrame])
    def test_flat_rows_with_their_shape(self, image_shape, as_type, digits):
        display = ImageGridDisplay(as_type(digits.data[:5]), image_shape=image_shape).plot()
        assert_array_equal(values_drawn(display), digits.images[:5] / 16)

    @pytest.mark.slow_after(8)
    @pytest.mark.parametrize("shape", [(20, 8, 8), (20, 4, 12), (20, 12, 4)])
    @pytest.mark.parametrize("n_columns, figsize", [(1, None), (4, None), (12, None), (20, None), (5, (4, 3))])
    @pytest.mark.filterwarnings("ignore:Glyph .* missing from font:UserWarning")
    def test_titles_overlap_with_nothing(self, shape, n_columns, figsize):
        some_titles = ["W" * 40, "a title of many words that will not fit", "i\nn\nlines", "数字" * 9, "$"] * 4
        display = ImageGridDisplay(np.zeros(shape), titles=some_titles).plot(n_columns=n_columns, figsize=figsize)
        places = boxes([*display.images_, *display.texts_])
        assert (places[:, :2] > -1).all()
        assert (places[:, 2:] < np.add(display.figure_.canvas.get_width_height(), 1)).all()
        for index, (left, bottom, right, top) in enumerate(places):
            apart = (places[:, 0] > right - 1) | (places[:, 2] < left + 1)
            apart |= (places[:, 1] > top - 1) | (places[:, 3] < bottom + 1)
            assert apart[index + 1 :].all()

    def test_long_titles_are_shortened(self):
        display = ImageGridDisplay(np.zeros((12, 8, 8)), titles=["word " * 30] * 12).plot()
        assert titles(display)[0].count("\n") == 1
        assert titles(display)[0].endswith("…")
        assert display.texts_[0].get_fontsize() >= 6

    def test_size_of_the_figure(self):
        images = np.zeros((36, 8, 8))
        assert ImageGridDisplay(images).plot(figsize=(5, 2)).figure_.get_size_inches().tolist() == [5, 2]
        assert ImageGridDisplay(images).plot().figure_.get_size_inches()[0] < 16
        assert 2 < ImageGridDisplay(images[:1]).plot().figure_.get_size_inches()[0] < 4

    def test_axes_that_are_given(self, digits):
        figure, axes = plt.subplots(1, 2)
        display = ImageGridDisplay(digits.images[:6]).plot(n_columns=3, ax=axes[1])
        assert display.ax_ is axes[1]
        assert display.figure_ is figure
        assert plt.get_fignums() == [figure.number]
        assert not axes[0].images

    @pytest.mark.parametrize(
        "images, params, message",
        [
            (np.zeros((5, 64)), {}, r"images has shape \(5, 64\).*give image_shape"),
            (np.zeros((5, 3, 8, 8)), {}, r"images has shape \(5, 3, 8, 8\)"),
            (np.zeros((5, 8, 8, 2)), {}, r"images has shape \(5, 8, 8, 2\)"),
            (np.zeros(5), {}, r"images has shape \(5,\)"),
            (np.zeros((5, 0, 8)), {}, r"images has shape \(5, 0, 8\)"),
            (np.zeros((0, 8, 8)), {}, r"Found array with 0 sample\(s\)"),
            (np.full((5, 8, 8), "a"), {}, "not compatible with arrays of bytes/strings"),
            (
                np.zeros((5, 64)),
                {"image_shape": (8, 9)},
                r"image_shape=\(8, 9\) does not fit images of shape \(5, 64\)",
            ),
            (np.zeros((5, 64)), {"image_shape": 8}, r"image_shape=8 does not fit"),
            (np.zeros((5, 8, 8)), {"titles": ["a", "b"]}, "titles must be one for each of the 5 images. Got 2"),
        ],
    )
    def test_bad_images_are_named(self, images, params, message):
        with pytest.raises(ValueError, match=message):
            ImageGridDisplay(images, **params).plot()

    @pytest.mark.parametrize("name", ["n_images", "n_columns"])
    def test_bad_numbers_are_named(self, name):
        with pytest.raises(ValueError, match=f"{name} == 0, must be >= 1"):
            ImageGridDisplay(np.zeros((5, 8, 8))).plot(**{name: 0})
        with pytest.raises(TypeError, match=f"{name} must be an instance of int"):
            ImageGridDisplay(np.zeros((5, 8, 8))).plot(**{name: 2.5})


class TestPredictionDisplay:
    def test_titles_of_an_estimator(self, pipe, digits):
        X, y = digits.images[:40], digits.target[:40]
        display = PredictionDisplay.from_estimator(pipe, X, y)
        assert titles(display) == [
            f"true {true}\npredicted {predicted}\nprobability {probability:.2f}"
            for true, predicted, probability in zip(y, pipe.predict(X), pipe.predict_proba(X).max(axis=1), strict=True)
        ]
        assert_array_equal(display.indices_, np.arange(40))
        assert_array_equal(values_drawn(display), X / 16)

    def test_mistakes_have_another_colour(self):
        display = PredictionDisplay.from_predictions(np.zeros((3, 8, 8)), [1, 2, 3], [1, 7, 3])
        colors = [text.get_color() for text in display.texts_]
        assert colors[0] == colors[2] == matplotlib.rcParams["text.color"] != colors[1]

    def test_mistakes_only(self, pipe, digits):
        display = PredictionDisplay.from_estimator(pipe, digits.images, digits.target, errors_only=True)
        mistakes = np.flatnonzero(pipe.predict(digits.images) != digits.target)
        assert_array_equal(display.indices_, mistakes)
        assert_array_equal(values_drawn(display), digits.images[mistakes] / 16)
        assert len({text.get_color() for text in display.texts_}) == 1
        assert_array_equal(display.plot(errors_only=True, n_images=3).indices_, mistakes[:3])

    def test_no_mistakes(self):
        y = np.arange(7)
        display = PredictionDisplay.from_predictions(np.zeros((7, 8, 8)), y, y, errors_only=True)
        assert titles(display) == ["no mistakes in 7 images"]
        assert (display.images_, display.indices_.tolist()) == ([], [])
        assert (pixels(display) == 0).any()
        _, axes = plt.subplots()
        assert display.plot(errors_only=True, n_images=5, random_state=0, ax=axes).ax_ is axes

    def test_many_mistakes_are_one_figure(self, rng, tmp_path):
        images = rng.integers(0, 256, (230, 32, 32, 3), dtype=np.uint8)
        y = rng.integers(0, 10, 230)
        display = PredictionDisplay.from_predictions(
            images, y, (y + 1) % 10, rng.random(230), class_names=NAMES, errors_only=True
        )
        assert len(display.images_) == len(display.texts_) == 230
        assert len(plt.get_fignums()) == 1
        display.figure_.savefig(tmp_path / "mistakes.png")
        assert (tmp_path / "mistakes.png").stat().st_size > 100_000

    def test_some_at_random(self):
        images, y = np.zeros((50, 8, 8)), np.arange(50) % 3
        draw = [PredictionDisplay.from_predictions(images, y, y, n_images=9, random_state=seed) for seed in (1, 1, 2)]
        assert_array_equal(draw[0].indices_, draw[1].indices_)
        assert draw[0].indices_.tolist() != draw[2].indices_.tolist()
        assert len(set(draw[0].indices_.tolist())) == 9
        assert_array_equal(PredictionDisplay.from_predictions(images, y, y, n_images=9).indices_, np.arange(9))
        assert len(draw[0].plot(n_images=80, random_state=0).indices_) == 50

    def test_without_true_labels(self, pipe, digits):
        display = PredictionDisplay.from_estimator(pipe, digits.images[:3])
        assert [title.split("\n")[0] for title in titles(display)] == [
            f"predicted {label}" for label in pipe.predict(digits.images[:3])
        ]
        with pytest.raises(ValueError, match="errors_only=True needs the true labels, but y was not given"):
            PredictionDisplay.from_estimator(pipe, digits.images[:3], errors_only=True)

    @pytest.mark.slow_after(3)
    @pytest.mark.parametrize(
        "form", [np.asarray, np.ndarray.tolist, pd.Series, lambda y: y[:, np.newaxis], lambda y: np.eye(10)[y]]
    )
    def test_forms_of_labels(self, form, pipe, one_hot_pipe, digits):
        X, y = digits.images[:20], digits.target[:20]
        for estimator in (pipe, one_hot_pipe):
            display = PredictionDisplay.from_estimator(estimator, X, form(y))
            assert_array_equal(display.y_true, y)
            assert_array_equal(display.y_pred, estimator.predict_proba(X).argmax(axis=1))
            assert_array_equal(display.probabilities, estimator.predict_proba(X).max(axis=1))
        display = PredictionDisplay.from_predictions(X, form(y), form((y + 1) % 10))
        assert_array_equal(display.y_pred, (y + 1) % 10)
        assert_array_equal(display.y_true, y)

    def test_labels_that_are_strings(self, digits):
        X, y = digits.images[:200], np.array(NAMES)[digits.target[:200]]
        clf = make_pipeline(Flatten(), network(epochs=1)).fit(X, y)
        display = PredictionDisplay.from_estimator(clf, X, np.eye(10)[np.searchsorted(clf.classes_, y)], n_images=3)
        assert_array_equal(display.y_true, y)
        assert [title.split("\n")[0] for title in titles(display)] == ["true zero", "true one", "true two"]

    @pytest.mark.parametrize("class_names", [NAMES, tuple(NAMES), np.array(NAMES), dict(enumerate(NAMES))])
    def test_class_names(self, class_names, pipe, digits):
        X, y = digits.images[:10], digits.target[:10]
        display = PredictionDisplay.from_estimator(pipe, X, y, class_names=class_names)
        assert [title.split("\n")[0] for title in titles(display)] == [f"true {name}" for name in NAMES]
        display = PredictionDisplay.from_predictions(X, y, y, class_names=class_names)
        assert titles(display) == [f"true {name}\npredicted {name}" for name in NAMES]

    def test_names_go_by_the_order_of_the_classes(self, digits):
        few = digits.target > 6
        clf = make_pipeline(Flatten(), network(epochs=1)).fit(digits.images[few], digits.target[few])
        display = PredictionDisplay.from_estimator(
            clf, digits.images[few], digits.target[few], class_names=["G", "H", "I"], n_images=3
        )
        assert [title.split("\n")[0] for title in titles(display)] == ["true G", "true H", "true I"]

    def test_probabilities_of_all_classes(self):
        display = PredictionDisplay.from_predictions(np.zeros((2, 8, 8)), None, [0, 1], [[0.75, 0.25], [0.5, 0.5]])
        assert titles(display) == ["predicted 0\nprobability 0.75", "predicted 1\nprobability 0.50"]

    def test_the_probability_is_that_of_the_predicted_class(self, digits):
        class Contrary(LogisticRegression):
            def predict(self, X):
                return self.classes_[self.predict_proba(X).argmin(axis=1)]

        clf = Contrary(max_iter=10_000).fit(digits.data[:100], digits.target[:100])
        display = PredictionDisplay.from_estimator(clf, digits.data[:5], image_shape=(8, 8))
        assert_array_equal(display.probabilities, clf.predict_proba(digits.data[:5]).min(axis=1))

    def test_any_classifier_and_flat_rows(self, digits):
        X, y = digits.data[:100], digits.target[:100]
        clf = LinearSVC(random_state=0).fit(X, y)
        for images in ({"image_shape": (8, 8)}, {"images": digits.images[:100]}, {"images": X, "image_shape": (8, 8)}):
            display = PredictionDisplay.from_estimator(clf, X, y, n_images=2, **images)
            assert titles(display) == ["true 0\npredicted 0", "true 1\npredicted 1"]
            assert_array_equal(values_drawn(display), digits.images[:2] / 16)

    def test_brightness_does_not_depend_on_which_are_drawn(self, digits):
        y = digits.target[:20]
        display = PredictionDisplay.from_predictions(digits.images[:20] - 8, y, y, n_images=2)
        assert_array_equal(values_drawn(display), digits.images[:2] / 16)

    def test_looks_of_the_grid(self):
        display = PredictionDisplay.from_predictions(
            np.eye(8)[np.newaxis].repeat(4, axis=0), [1] * 4, [2] * 4, n_columns=2, figsize=(3, 4), cmap="viridis"
        )
        assert display.figure_.get_size_inches().tolist() == [3, 4]
        assert len(set(boxes(display.images_)[:, 0].round())) == 2

    def test_unfitted_estimators_say_so(self, digits):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            PredictionDisplay.from_estimator(make_pipeline(Flatten(), network()), digits.images)

    @pytest.mark.parametrize(
        "params, message",
        [
            ({"y": [0, 1]}, "inconsistent numbers of samples"),
            ({"y": np.eye(9)[:5]}, r"y of shape \(5, 9\) is not supported"),
            ({"y": np.ones((5, 10))}, r"y of shape \(5, 10\) is not supported"),
            ({"class_names": ["a", "b"]}, "class_names must be one for each of 10 classes. Got 2"),
            ({"y": [11] * 5, "class_names": NAMES}, r"class_names has no name for the label 11. It names \[0, 1, 2"),
            ({"images": np.zeros((4, 8, 8))}, "inconsistent numbers of samples"),
            ({"images": np.zeros((5, 64))}, r"images has shape \(5, 64\).*give image_shape"),
        ],
    )
    def test_bad_values_are_named(self, params, message, pipe, digits):
        with pytest.raises(ValueError, match=message):
            PredictionDisplay.from_estimator(pipe, digits.images[:5], **params)
        assert plt.get_fignums() == []

    def test_multilabel_is_named(self):
        several = np.array([[1, 1, 0], [0, 1, 0]])
        with pytest.raises(ValueError, match=r"y_pred of shape \(2, 3\) is not supported"):
            PredictionDisplay.from_predictions(np.zeros((2, 8, 8)), [0, 1], several)
