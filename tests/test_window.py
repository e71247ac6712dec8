"""Windows of time series: their values, that nothing of the future is in them, and what they are not made of."""

import re

import hypothesis.extra.numpy as hnp
import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skdeep import DNNRegressor, Window, persistence

PROPERTY = settings(max_examples=40, deadline=None)
SERIES = hnp.arrays(
    st.sampled_from(["float64", "float32", "int64", "uint8", "bool"]),
    hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=12),
)


@PROPERTY
@given(series=SERIES, data=st.data())
def test_rows_are_sliding_windows_and_give_the_series_back(series, data):
    n_steps = data.draw(st.integers(1, len(series)))
    window = Window(n_steps)
    X = window.transform(series)
    expected = [series[i : i + n_steps] for i in range(len(series) - n_steps + 1)]
    assert_array_equal(X, expected, strict=True)
    assert_array_equal(window.inverse_transform(X), series, strict=True)


@PROPERTY
@given(n_times=st.integers(1, 30), n_series=st.integers(0, 3), data=st.data())
def test_rows_hold_the_values_before_their_y_alone(n_times, n_series, data):
    """Of a series of times each value tells when it was."""
    n_steps = data.draw(st.integers(1, 5))
    horizon = data.draw(st.one_of(st.integers(1, 5), st.lists(st.integers(1, 5), min_size=1, max_size=4)))
    times = np.arange(n_times)
    series = times[:, np.newaxis].repeat(n_series, axis=1) if n_series else times
    window = Window(n_steps, horizon)
    n_rows = n_times - n_steps - np.max(horizon) + 1
    if n_rows < 1:
        with pytest.raises(ValueError, match=f"need a series of at least {n_times - n_rows + 1} times. Got {n_times}"):
            window.make_X_y(series)
        return
    X, y = window.make_X_y(series)
    assert len(X) == len(y) == n_rows
    last = X.max(axis=1)
    assert_array_equal(last, series[n_steps - 1 : n_steps - 1 + n_rows])
    if np.ndim(horizon) == 0:
        assert_array_equal(y - last, np.full(y.shape, horizon))
    else:
        assert y.shape == (n_rows, len(horizon), *series.shape[1:])
        for column, steps in enumerate(horizon):
            assert_array_equal(y[:, column] - last, np.full(last.shape, steps))


def test_as_numpy_and_keras_make_them(rng):
    series = rng.normal(size=(50, 2)).astype("float32")
    X, y = Window(7, horizon=3).make_X_y(series)
    assert_array_equal(X, sliding_window_view(series, 7, axis=0)[:-3].transpose(0, 2, 1))
    # Keras takes as y of a row what stands at its first time.
    batches = keras.utils.timeseries_dataset_from_array(series[:-3], series[9:], 7, batch_size=16)
    theirs = [np.concatenate(each) for each in zip(*batches.as_numpy_iterator(), strict=True)]
    assert_array_equal(X, theirs[0])
    assert_array_equal(y, theirs[1])


@pytest.mark.parametrize("horizon", [1, 3, [1, 2, 3], range(2, 5)])
@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_nothing_is_copied(shape, horizon, rng):
    series = rng.normal(size=shape)
    X, y = Window(5, horizon).make_X_y(series)
    assert np.shares_memory(X, series)
    assert np.shares_memory(y, series)
    assert not X.flags.writeable
    assert np.shares_memory(Window(5).transform(series), series)


def test_frames_and_lists(rng):
    series = rng.normal(size=(20, 2))
    frame = pd.DataFrame(series, columns=["a", "b"], index=pd.date_range("2020-01-01", periods=20))
    for given_as, array in [(frame, series), (frame["a"], series[:, 0]), (series[:, 0].tolist(), series[:, 0])]:
        X, y = Window(4).make_X_y(given_as)
        assert_array_equal(X, [array[i : i + 4] for i in range(16)])
        assert_array_equal(y, array[4:])


def test_a_gap_of_the_folds_keeps_the_future_from_training():
    horizon = 4
    X, y = Window(6, horizon).make_X_y(np.arange(80))
    for train, test in TimeSeriesSplit(3, gap=horizon - 1).split(X):
        assert y[train].max() == X[test[0]].max()  # the last time that is known at the first test row


def test_networks_take_them(rng):
    X, y = Window(8).make_X_y(np.sin(np.arange(300) / 5))
    settings = {"epochs": 3, "random_state": 0}
    one, other = DNNRegressor(**settings).fit(X, y), DNNRegressor(**settings).fit(X.copy(), y.copy())
    assert_array_equal(one.predict(X), other.predict(X))


def test_a_pipeline_refuses_it():
    with pytest.raises(TypeError, match="should be transformers and implement fit and transform"):
        make_pipeline(Window(3), DNNRegressor()).fit(np.arange(9.0), np.arange(9.0))


def test_parameters_clones_and_files(tmp_path):
    window = Window(5, horizon=[1, 2])
    assert clone(window).get_params() == window.get_params() == {"n_steps": 5, "horizon": [1, 2]}
    assert repr(window.set_params(n_steps=3)) == "Window(horizon=[1, 2], n_steps=3)"
    assert "Window" in window._repr_html_()
    persistence.save(window, tmp_path / "window.skdeep")
    assert persistence.load(tmp_path / "window.skdeep").get_params() == window.get_params()


@pytest.mark.parametrize(
    "params, message",
    [
        ({"n_steps": 0}, "The 'n_steps' parameter of Window must be an int in the range"),
        ({"n_steps": 2.5}, "The 'n_steps' parameter of Window must be an int in the range"),
        ({"horizon": 0}, "The 'horizon' parameter of Window must be an int in the range"),
        ({"horizon": "next"}, "The 'horizon' parameter of Window must be an int in the range"),
        ({"horizon": []}, "horizon must be an int of at least 1, or several of them. Got []."),
        ({"horizon": [1, 0]}, "horizon must be an int of at least 1, or several of them. Got [1, 0]."),
        ({"horizon": [1.5]}, "horizon must be an int of at least 1, or several of them. Got [1.5]."),
        ({"n_steps": 9, "horizon": 2}, "n_steps=9 and horizon=2 need a series of at least 11 times. Got 10."),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Window(**{"n_steps": 3} | params).make_X_y(np.arange(10))


@pytest.mark.parametrize(
    "series, message",
    [
        (["a", "b", "c", "d", "e"], "could not convert|numbers|dtype='numeric'"),
        (np.zeros((5, 2, 2)), r"series must hold numbers, in one axis .* Got the shape \(5, 2, 2\) and dtype float64"),
        (np.zeros((5, 0)), r"series must hold numbers|0 feature"),
        (np.arange(5).astype("datetime64[D]"), r"series must hold numbers, .* dtype datetime64|numeric"),
        ([], r"0 sample"),
        (np.arange(2), "n_steps=3 needs a series of at least as many times. Got 2"),
    ],
)
def test_bad_series(series, message):
    with pytest.raises(ValueError, match=message):
        Window(3).transform(series)


@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 2, 2), (4, 2, 3)])
def test_bad_rows(shape):
    with pytest.raises(ValueError, match=r"X must have rows of n_steps=3 values, in 2 axes or, of several series, 3"):
        Window(3).inverse_transform(np.zeros(shape))
