"""TableEncoder against scikit-learn's transformers and the formula, on arrays and on frames of pandas and polars."""

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.impute import MissingIndicator
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdeep
from skdeep import TableEncoder

COLUMNS = {
    "age": [22, 35, None, 51, 18, 40],
    "income": [1.5, 2.0, 3.5, 1e6, -4.0, 0.0],
    "city": ["Bonn", "Ulm", "Bonn", None, "Kiel", "Ulm"],
    "is_member": [True, False, True, True, False, False],
}
MAKERS = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.DataFrame(columns, strict=False),
    "objects": lambda columns: np.array(list(zip(*columns.values(), strict=True)), dtype=object),
}


@pytest.fixture(params=MAKERS)
def table(request):
    return MAKERS[request.param](COLUMNS)


def expected(numbers, categories, clip=3.0):
    """What scikit-learn's transformers and the formula give."""
    z = np.nan_to_num(StandardScaler().fit_transform(numbers))  # which leaves missing values out
    z = z if clip is None else z / np.sqrt(1 + (z / clip) ** 2)
    missing = MissingIndicator(error_on_new=False).fit_transform(numbers)
    return np.hstack([z, missing, OneHotEncoder(sparse_output=False).fit_transform(categories)])


@parametrize_with_checks([TableEncoder(), TableEncoder(clip=None, categorical_features=None)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("clip", [3.0, 0.5, None])
def test_values(table, clip):
    numbers = pd.DataFrame(COLUMNS)[["age", "income", "is_member"]].astype(float).to_numpy()
    categories = np.array(COLUMNS["city"], dtype=object)[:, np.newaxis]
    encoder = TableEncoder(clip=clip)
    values = encoder.fit_transform(table)
    assert values.dtype == np.float32
    assert_allclose(values, expected(numbers, categories, clip), rtol=1e-6, atol=1e-7)
    if clip is not None:
        assert np.abs(values[:, :3]).max() < clip


def test_names(table):
    encoder = TableEncoder().fit(table)
    names = encoder.get_feature_names_out().tolist()
    if isinstance(table, np.ndarray):
        assert names == ["x0", "x1", "x3", "missing_x0", "x2_Bonn", "x2_Kiel", "x2_Ulm", "x2_None"]
    else:
        assert names == [
            *("age", "income", "is_member", "missing_age"),
            *("city_Bonn", "city_Kiel", "city_Ulm", "city_None"),
        ]
        assert encoder.feature_names_in_.tolist() == list(COLUMNS)
        assert encoder.set_output(transform="pandas").transform(table).columns.tolist() == names


def test_frames_of_both_libraries_give_the_same_bits():
    frames = [MAKERS[name](COLUMNS) for name in ("pandas", "polars")]
    encoders = [TableEncoder().fit(frame) for frame in frames]
    assert_array_equal(encoders[0].transform(frames[1]), encoders[1].transform(frames[0]))


@settings(max_examples=50, deadline=None)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 8), st.integers(1, 4)),
        elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan),
    )
)
def test_numbers_with_gaps(X):
    encoder = TableEncoder(clip=None).fit(X)
    values = encoder.transform(X)
    assert np.isfinite(values).all()
    n_features = X.shape[1]
    for number in range(n_features):
        present = X[~np.isnan(X[:, number]), number]
        assert_array_equal(values[np.isnan(X[:, number]), number], 0)
        if len(present) and np.ptp(present) > 1e-6 * np.abs(present).max():
            z = (present - present.mean()) / present.std()
            assert_allclose(values[~np.isnan(X[:, number]), number], z, rtol=1e-4, atol=1e-4)
    assert_array_equal(values[:, n_features:], np.isnan(X)[:, np.isnan(X).any(axis=0)])


def test_a_column_of_equal_numbers_is_zero():
    assert_array_equal(TableEncoder().fit_transform(np.full((5, 1), 0.1)), np.zeros((5, 1)))


def test_missing_numbers_where_fit_had_none_are_the_mean():
    encoder = TableEncoder().fit([[1.0], [3.0]])
    assert_array_equal(encoder.transform([[np.nan], [2.0]]), [[0.0], [0.0]])


def test_categories_that_fit_has_not_seen():
    encoder = TableEncoder().fit(pd.DataFrame({"city": ["Bonn", "Ulm"]}))
    assert_array_equal(encoder.transform(pd.DataFrame({"city": ["Rom", "Ulm", None]})), [[0, 0], [0, 1], [0, 0]])


def test_rare_categories_share_a_column():
    cities = ["a"] * 5 + ["b"] * 4 + ["c", "d", "e"]
    encoder = TableEncoder(max_categories=3).fit(pd.DataFrame({"city": cities}))
    assert encoder.get_feature_names_out().tolist() == ["city_a", "city_b", "city_infrequent_sklearn"]
    assert_array_equal(encoder.transform(pd.DataFrame({"city": ["d", "new"]})), [[0, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize("given_features", [["zone"], [1], [False, True]])
def test_numbers_as_categories(given_features):
    X = pd.DataFrame({"age": [1.0, 2.0, 3.0], "zone": [10, 20, 10]})
    encoder = TableEncoder(categorical_features=given_features).fit(X)
    assert encoder.is_categorical_.tolist() == [False, True]
    assert_array_equal(encoder.transform(X)[:, 1:], [[1, 0], [0, 1], [1, 0]])


def test_pandas_categories_of_numbers_are_categories():
    X = pd.DataFrame({"zone": pd.Categorical([10, 20, None])})
    assert_array_equal(TableEncoder().fit_transform(X), np.eye(3))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "Column 'when' holds dates or times"),
        ([datetime.date(2020, 1, 1)] * 2, "Column 'when' holds dates or times \\(date\\)"),
        ([1, "a"], "Column 'when' must hold numbers or strings. Got int, str."),
        ([[1, 2], [2, 3]], "Column 'when' must hold numbers or strings. Got "),
        ([np.inf, 1.0], "Column 'when' contains infinity."),
    ],
)
def test_columns_that_are_neither(column, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder().fit(pd.DataFrame({"when": column}))


def test_dates_of_polars():
    with pytest.raises(ValueError, match="Column 'when' holds dates or times"):
        TableEncoder().fit(pl.DataFrame({"when": [datetime.date(2020, 1, 1)]}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"city": [1, 2]}, "Column 'city' holds numbers, but in fit it held strings."),
        ({"age": ["a", "b"]}, "Column 'age' holds strings, but in fit it held numbers."),
    ],
)
def test_columns_of_another_kind(changed, message):
    X = pd.DataFrame({"age": [1.0, 2.0], "city": ["a", "b"]})
    encoder = TableEncoder().fit(X)
    with pytest.raises(ValueError, match=message):
        encoder.transform(X.assign(**changed))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (["town"], "categorical_features has 'town', which is no column of X. Its columns are 'age', 'city'."),
        ([7], "indices from 0 to 1. Got \\[7\\]"),
        ([True], "is a mask of 1 columns, but X has 2"),
        ([0.5], "names, a mask, or indices"),
        (None, "Column 'city' must hold numbers. Got strings, such as 'a'."),
    ],
)
def test_wrong_categorical_features(features, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(categorical_features=features).fit(pd.DataFrame({"age": [1.0, 2.0], "city": ["a", "b"]}))


@pytest.mark.parametrize(
    "X", [pd.DataFrame({"a": []}), pd.DataFrame(index=[0]), pl.DataFrame({"a": []})], ids=["rows", "columns", "polars"]
)
def test_nothing_in_it(X):
    with pytest.raises(ValueError, match="there must be a row and a column at least"):
        TableEncoder().fit(X)


def test_columns_of_one_name():
    with pytest.raises(Exception, match="unique column names"):  # of narwhals, as in scikit-learn
        TableEncoder().fit(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_sparse():
    with pytest.raises(TypeError, match="TableEncoder does not take sparse matrices"):
        TableEncoder().fit(csr_array(np.eye(3)))


def test_a_fit_that_fails_leaves_what_was_learned():
    X = pd.DataFrame({"age": [1.0, 2.0], "city": ["a", "b"]})
    encoder = TableEncoder().fit(X)
    before = encoder.transform(X)
    with pytest.raises(ValueError, match="dates"):
        encoder.fit(pd.DataFrame({"when": pd.to_datetime(["2020-01-01"])}))
    assert_array_equal(encoder.transform(X), before)


def test_saved_and_loaded(table, tmp_path):
    encoder = TableEncoder().fit(table)
    values = encoder.transform(table)
    skdeep.save(encoder, tmp_path / "encoder")
    for other in (pickle.loads(pickle.dumps(encoder)), skdeep.load(tmp_path / "encoder"), clone(encoder).fit(table)):
        assert_array_equal(other.transform(table), values)


def test_weights_are_those_of_standard_scaler():
    X = np.random.default_rng(0).normal(5, 3, size=(50, 3))
    X[::7, 1] = np.nan
    weight = np.random.default_rng(1).uniform(0.5, 3, 50)
    encoder = TableEncoder(clip=None, dtype="float64").fit(X, sample_weight=weight)
    scaler = StandardScaler().fit(X, sample_weight=weight)
    np.testing.assert_allclose(encoder.mean_, scaler.mean_)
    np.testing.assert_allclose(encoder.scale_, scaler.scale_)
    expected = np.nan_to_num(scaler.transform(X))
    np.testing.assert_allclose(encoder.transform(X)[:, :3], expected, atol=1e-12)


def test_nothing_is_learned_of_rows_of_weight_zero():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 1e9, np.nan], "b": ["x", "y", "x", "z", "x"]})
    encoder = TableEncoder().fit(X, sample_weight=[1, 1, 1, 0, 0])
    expected = TableEncoder().fit(X[:3])
    assert encoder.get_feature_names_out().tolist() == expected.get_feature_names_out().tolist() == ["a", "b_x", "b_y"]
    np.testing.assert_array_equal(encoder.transform(X), expected.transform(X))


@pytest.mark.parametrize("weight", [[1, -1, 1], [1, 1], [1, np.nan, 1], ["a", "b", "c"]])
def test_wrong_weights(weight):
    with pytest.raises(ValueError, match="sample_weight"):
        TableEncoder().fit([[1.0], [2.0], [3.0]], sample_weight=weight)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype):
    X = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "x"]})
    assert TableEncoder(dtype=dtype).fit_transform(X).dtype == dtype


def test_names_that_are_numbers():
    X = np.random.default_rng(0).normal(size=(10, 3))
    expected = TableEncoder().fit_transform(X)
    np.testing.assert_array_equal(TableEncoder().fit_transform(pd.DataFrame(X)), expected)
    np.testing.assert_array_equal(TableEncoder().fit_transform(pd.DataFrame(X, columns=[2, 0, 1])), expected)


def test_very_large_numbers():
    X = np.random.default_rng(0).normal(size=(50, 1))
    encoder = TableEncoder().fit(X)
    found = encoder.transform([[1e10], [1e153], [1e200], [-1e300]])
    np.testing.assert_allclose(found[:, 0], [3, 3, 3, -3])
    with pytest.raises(ValueError, match="Column 0 holds numbers too large"):
        TableEncoder().fit(X * 1e200)
