"""The transformers: scikit-learn's own checks, and what they do to shapes, values, dtypes and names."""

import pickle
import re
import subprocess
import sys

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeep import CNNClassifier, Flatten, OneHot, Reshape, ScaleToUnit, ZScore

PROPERTY = settings(max_examples=40, deadline=None)
SHAPES = hnp.array_shapes(min_dims=2, max_dims=4, max_side=4)
DTYPES = st.sampled_from(["float64", "float32", "float16", "int64", "int8", "uint16", "uint8", "bool"])
ARRAYS = [Flatten(), Reshape((4, -1)), ScaleToUnit(), ZScore(), ZScore(axis=0)]
ALL = [*ARRAYS, OneHot()]


# The second pass is slow: no line of skdeep depends on it.
ROUTING = [
    pytest.param(False, id="routing off"),
    pytest.param(True, id="routing on", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("routing", ROUTING)
@parametrize_with_checks([Flatten(), Reshape(), ScaleToUnit(), ZScore(), ZScore(axis=0), OneHot()])
def test_scikit_learn_estimator_checks(estimator, check, routing):
    with sklearn.config_context(enable_metadata_routing=routing):
        check(estimator)


def images_of(dtype, shape=(6, 8, 4), high=256):
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


# Flatten and Reshape


@PROPERTY
@given(X=hnp.arrays(DTYPES, SHAPES))
def test_flatten_makes_rows_and_gives_the_samples_back(X):
    flatten = Flatten().fit(X)
    rows = flatten.transform(X)
    assert_array_equal(rows, [sample.ravel() for sample in X], strict=True)
    assert_array_equal(flatten.inverse_transform(rows), X, strict=True)


@PROPERTY
@given(X=hnp.arrays(DTYPES, SHAPES), data=st.data())
def test_reshape_gives_every_sample_the_shape_and_back(X, data):
    shape = data.draw(st.permutations([*X.shape[1:], 1]))
    given_shape = list(shape)
    if data.draw(st.booleans()):
        given_shape[data.draw(st.integers(0, len(shape) - 1))] = -1
    reshape = Reshape(tuple(given_shape)).fit(X)
    X_out = reshape.transform(X)
    assert reshape.shape_ == tuple(shape)
    assert_array_equal(X_out, [sample.reshape(shape) for sample in X], strict=True)
    assert_array_equal(reshape.inverse_transform(X_out), X, strict=True)


@pytest.mark.parametrize(
    "shape, shape_out",
    [
        (24, (24,)),
        (-1, (24,)),
        ((-1,), (24,)),
        ((2, -1, 3), (2, 4, 3)),
        ([4, 6], (4, 6)),
        (np.array([4, 6]), (4, 6)),
        ((24, -1), (24, 1)),
    ],
)
def test_reshape_takes_ints_and_sequences_with_one_open_entry(shape, shape_out):
    reshape = Reshape(shape).fit(np.zeros((5, 24)))
    assert reshape.shape_ == shape_out
    assert reshape.transform(np.zeros((5, 24))).shape == (5, *shape_out)


def test_reshape_makes_rows_by_default():
    assert Reshape().fit_transform(np.zeros((5, 2, 3))).shape == (5, 6)


@pytest.mark.parametrize(
    "shape, message",
    [
        (5, r"shape=5 does not fit samples of shape \(2, 3\), which have 6 values"),
        ((4, -1), r"shape=\(4, -1\) does not fit samples of shape \(2, 3\)"),
        ((2, 3, 2), r"shape=\(2, 3, 2\) does not fit samples of shape \(2, 3\)"),
        ((), r"shape=\(\) does not fit samples of shape \(2, 3\)"),
        ((-1, -1), r"shape must be positive ints.*\(-1, -1\)"),
        ((0, -1), r"shape must be positive ints.*\(0, -1\)"),
        ((-2, -3), r"shape must be positive ints.*\(-2, -3\)"),
        ((2.0, 3.0), r"shape must be positive ints.*\(2\.0, 3\.0\)"),
        ((2, "3"), r"shape must be positive ints.*\(2, '3'\)"),
        ("2, 3", "The 'shape' parameter of Reshape must be"),
        (None, "The 'shape' parameter of Reshape must be"),
        (6.0, "The 'shape' parameter of Reshape must be"),
    ],
)
def test_reshape_names_a_bad_shape(shape, message):
    with pytest.raises(ValueError, match=message):
        Reshape(shape).fit(np.zeros((4, 2, 3)))


@pytest.mark.parametrize("order", ["F", "strided"])
def test_flatten_goes_by_index_whatever_the_memory_layout(order):
    images = np.arange(24).reshape(2, 3, 4)
    same = np.asfortranarray(images) if order == "F" else np.repeat(images, 2, axis=1)[:, ::2]
    assert_array_equal(Flatten().fit_transform(same), np.arange(24).reshape(2, 12))


@pytest.mark.parametrize("transformer", [Flatten(), Reshape((2, 2))], ids=str)
def test_reshaping_lets_nan_and_infinity_through(transformer):
    images = np.array([[[np.nan, np.inf], [-np.inf, 0.0]]])
    X_out = clone(transformer).fit_transform(images)
    assert_array_equal(X_out.ravel(), images.ravel())


def test_reshaping_shares_the_memory_of_contiguous_input():
    images = images_of(np.uint8)
    assert np.shares_memory(Flatten().fit_transform(images), images)


@pytest.mark.parametrize("transformer", ARRAYS, ids=str)
def test_nested_lists_are_arrays(transformer):
    images = images_of(np.int64)
    from_list = clone(transformer).fit_transform(images.tolist())
    assert_array_equal(from_list, clone(transformer).fit_transform(images), strict=True)


# ScaleToUnit

NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


@PROPERTY
@given(X=hnp.arrays("float64", SHAPES, elements=NUMBERS))
def test_scale_to_unit_divides_by_the_largest_absolute_value_and_back(X):
    largest = np.abs(X).max()
    scale = ScaleToUnit().fit(X)
    scaled = scale.transform(X)
    assert scaled.dtype == np.float32
    assert np.abs(scaled).max() == (1 if largest else 0)
    assert_allclose(scaled, X / (largest or 1), rtol=1e-6, atol=1e-37)
    assert_allclose(scale.inverse_transform(scaled), X, rtol=0, atol=1e-6 * largest)


@pytest.mark.parametrize(
    "dtype, divisor", [(np.uint8, 255), (np.uint16, 65535)], ids=lambda value: getattr(value, "__name__", value)
)
def test_scale_to_unit_divides_pixels_by_the_largest_of_their_dtype(dtype, divisor):
    X = np.array([[[0, 1], [100, 200]]], dtype=dtype)
    scale = ScaleToUnit().fit(X)
    assert scale.max_value_ == divisor
    assert_array_equal(scale.transform(X), (X / divisor).astype(np.float32), strict=True)


@pytest.mark.parametrize(
    "X, divisor",
    [
        (np.array([[-128, 100]], dtype=np.int8), 128),
        (np.array([[-3, 40_000]], dtype=np.int64), 40_000),
        (np.array([[7, 70_000]], dtype=np.uint32), 70_000),
        (np.array([[-0.5, 0.25]], dtype=np.float16), 0.5),
        (np.array([[-2.5, 1.5]], dtype=np.float32), 2.5),
        (np.array([[True, False]]), 1),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_scale_to_unit_divides_other_dtypes_by_the_largest_absolute_value(X, divisor):
    scale = ScaleToUnit().fit(X)
    assert scale.max_value_ == divisor
    assert_array_equal(scale.transform(X), (X.astype(float) / divisor).astype(np.float32), strict=True)


def test_scale_to_unit_takes_the_divisor_from_the_user(digits):
    scaled = ScaleToUnit(max_value=16).fit_transform(digits.images)
    assert_array_equal(scaled, (digits.images / 16).astype(np.float32), strict=True)


@pytest.mark.parametrize("max_value", [0, -1.0, np.nan, np.inf, "255"])
def test_scale_to_unit_names_a_bad_max_value(max_value):
    with pytest.raises(ValueError, match="The 'max_value' parameter of ScaleToUnit must be"):
        ScaleToUnit(max_value=max_value).fit([[1.0, 2.0]])


def test_scale_to_unit_learns_on_training_data_only():
    scale = ScaleToUnit().fit([[1.0, 4.0]])
    assert_array_equal(scale.transform([[8.0, -2.0]]), [[2.0, -0.5]])
    assert scale.max_value_ == 4


@pytest.mark.parametrize("unit", [1e300, 1e-50, 1e-310])
def test_scale_to_unit_scales_float64_beyond_the_range_of_float32(unit):
    X = np.array([[unit, -unit / 2], [0.0, unit / 4]])
    assert_allclose(ScaleToUnit().fit_transform(X), [[1.0, -0.5], [0.0, 0.25]], rtol=1e-6)


# ZScore


@PROPERTY
@given(
    X=hnp.arrays(st.sampled_from(["float64", "float32"]), SHAPES, elements=st.floats(-1000, 1000, width=16)),
    axis=st.sampled_from([None, 0]),
)
def test_zscore_gives_mean_0_and_deviation_1_and_back(X, axis):
    tolerance = 1e-9 if X.dtype == np.float64 else 1e-3
    zscore = ZScore(axis=axis).fit(X)
    scores = zscore.transform(X)
    is_constant = np.ptp(X, axis=axis) == 0
    assert scores.dtype == X.dtype
    assert_allclose(scores.mean(axis=axis, dtype=np.float64), 0, atol=tolerance)
    assert_allclose(scores.std(axis=axis, dtype=np.float64), np.where(is_constant, 0, 1), atol=tolerance)
    assert_allclose(zscore.inverse_transform(scores), X, rtol=0, atol=tolerance * max(1, np.abs(X).max()))


@pytest.mark.parametrize(
    "shape, axis, numpy_axis",
    [
        ((30, 5), None, (0, 1)),
        ((30, 5), 0, 0),
        ((30, 5), -2, 0),
        ((30, 5, 4), 0, 0),
        ((30, 5, 4), (0, 2), (0, 2)),
        ((30, 5, 4, 3), None, (0, 1, 2, 3)),
        ((30, 5, 4, 3), 0, 0),
        ((30, 5, 4, 3), (0, 1, 2), (0, 1, 2)),
        ((30, 5, 4, 3), [2, -4, 1], (0, 1, 2)),
    ],
)
def test_zscore_takes_mean_and_deviation_over_the_axes(shape, axis, numpy_axis, rng):
    X = rng.gamma(2.0, 3.0, shape)
    zscore = ZScore(axis=axis).fit(X)
    assert_allclose(zscore.mean_, X.mean(axis=numpy_axis, keepdims=True))
    assert_allclose(zscore.scale_, X.std(axis=numpy_axis, keepdims=True))
    expected = (X - X.mean(axis=numpy_axis, keepdims=True)) / X.std(axis=numpy_axis, keepdims=True)
    assert_allclose(zscore.transform(X), expected, atol=1e-12)


@pytest.mark.parametrize("axis", [None, 0, (0, 1, 2)])
def test_zscore_of_millions_of_pixels(axis):
    X = images_of(np.uint8, (3001, 28, 28, 1))
    X[-400:] //= 4
    zscore = ZScore(axis=axis).fit(X)
    numpy_axis = (0, 1, 2, 3) if axis is None else axis
    assert_allclose(zscore.mean_, X.mean(axis=numpy_axis, keepdims=True), rtol=1e-10)
    assert_allclose(zscore.scale_, X.std(axis=numpy_axis, keepdims=True), rtol=1e-10)


def test_zscore_is_exact_far_from_zero(rng):
    X = 1e8 + rng.standard_normal((500, 3))
    scores = ZScore(axis=0).fit_transform(X)
    assert_allclose(scores.mean(axis=0), 0, atol=1e-6)
    assert_allclose(scores.std(axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32])
def test_zscore_tells_large_integers_apart(dtype):
    X = (1_700_000_000 + np.arange(5)).astype(dtype)[:, np.newaxis]
    expected = (np.arange(5) - 2) / np.sqrt(2)
    assert_allclose(ZScore(axis=0).fit_transform(X).ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8", "uint16", "bool"])
def test_zscore_is_float64_for_float64_only(dtype):
    X = images_of(dtype, high=100)
    scores = ZScore().fit_transform(X)
    assert scores.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert_allclose(scores, (X - X.mean(dtype=float)) / X.std(dtype=float), atol=1e-5)


def test_zscore_of_float32_gives_float32_back():
    X = images_of(np.float32)
    zscore = ZScore(axis=0).fit(X)
    X_back = zscore.inverse_transform(zscore.transform(X))
    assert X_back.dtype == np.float32
    assert_allclose(X_back, X, atol=1e-4)


def test_zscore_learns_on_training_data_only(rng):
    X_train, X_test = rng.normal(3, 2, (50, 4)), rng.normal(-5, 7, (20, 4))
    zscore = ZScore(axis=0).fit(X_train)
    assert_allclose(zscore.transform(X_test), (X_test - X_train.mean(axis=0)) / X_train.std(axis=0))
    assert_allclose(zscore.mean_.ravel(), X_train.mean(axis=0))


def test_zscore_learns_anew_in_every_fit():
    zscore = ZScore().fit([[100.0, 300.0]])
    assert_array_equal(zscore.fit([[1.0, 3.0]]).transform([[1.0, 3.0]]), [[-1.0, 1.0]])


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
@pytest.mark.parametrize("n_samples", [1, 7, 300, 5000])
@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1e-7, 1e9 / 3])
def test_zscore_of_constant_input_is_0(value, n_samples, axis):
    X = np.full((n_samples, 3, 3), value)
    zscore = ZScore(axis=axis).fit(X)
    assert_allclose(zscore.transform(X), 0, atol=1e-12 * max(1, abs(value)))
    assert_array_equal(zscore.scale_, np.ones_like(zscore.scale_))


def test_zscore_subtracts_only_where_the_pixel_is_constant():
    X = np.array([[5.0, 1.0], [5.0, 3.0]])
    assert_array_equal(ZScore(axis=0).fit(X).transform([[6.5, 3.0]]), [[1.5, 1.0]])


@pytest.mark.parametrize("axis", [1, 3, -4, (1, 2), (0, 3), (0, 1.0), (), True])
def test_zscore_names_an_axis_that_x_does_not_have_or_that_leaves_out_the_samples(axis):
    message = f"axis must be None.* the samples. Got {re.escape(repr(axis))} for X of 3 dimensions"
    with pytest.raises(ValueError, match=message):
        ZScore(axis=axis).fit(np.ones((4, 3, 2)))


@pytest.mark.parametrize("axis", ["0", 0.0])
def test_zscore_names_an_axis_of_another_type(axis):
    with pytest.raises(ValueError, match="The 'axis' parameter of ZScore must be"):
        ZScore(axis=axis).fit(np.ones((4, 3, 2)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("transformer", [ScaleToUnit(), ZScore()], ids=str)
def test_scaling_rejects_values_that_are_not_finite(transformer, value):
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        clone(transformer).fit(np.full((2, 2, 2), value))


# OneHot


@pytest.mark.parametrize(
    "labels",
    [
        ["dog", "cat", "bird", "cat"],
        np.array(["dog", "cat", "bird", "cat"]),
        np.array(["dog", "cat", "bird", "cat"], dtype=object),
        [3, 1, -2, 3],
        np.array([3, 1, 200, 3], dtype=np.uint8),
        [2.0, 0.0, 1.0, 2.0],
        [True, False, False, True],
        pd.Series(["dog", "cat", "bird", "cat"]),
        pd.Series([3, 1, 2, 3], index=[9, 8, 7, 6]),
    ],
    ids=["strings", "string array", "objects", "ints", "uint8", "floats", "bools", "string series", "int series"],
)
def test_one_hot_takes_labels_of_any_kind_and_gives_them_back(labels):
    one_hot = OneHot().fit(labels)
    rows = one_hot.transform(labels)
    flat = np.asarray(labels)
    assert_array_equal(rows, (flat[:, np.newaxis] == np.unique(flat)).astype(np.float32), strict=True)
    back = one_hot.inverse_transform(rows)
    assert back.dtype.kind == flat.dtype.kind
    assert_array_equal(back, flat)


@PROPERTY
@given(
    labels=st.one_of(
        st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=15),
        st.lists(st.booleans(), min_size=1, max_size=15),
        st.lists(st.text("abcé ñ日", max_size=4), min_size=1, max_size=15),
    )
)
def test_one_hot_has_one_1_in_every_row_and_inverts(labels):
    one_hot = OneHot()
    rows = one_hot.fit_transform(labels)
    assert rows.shape == (len(labels), len(set(labels)))
    assert_array_equal(np.sort(rows, axis=1)[:, :-1], 0)
    assert_array_equal(rows.max(axis=1), 1)
    assert one_hot.inverse_transform(rows).tolist() == labels


def test_one_hot_of_a_column_gives_a_column_back():
    column = np.array([["b"], ["a"], ["b"]])
    one_hot = OneHot().fit(column)
    rows = one_hot.transform(column)
    assert_array_equal(rows, np.float32([[0, 1], [1, 0], [0, 1]]), strict=True)
    assert_array_equal(one_hot.inverse_transform(rows), column)


def test_one_hot_of_several_columns_is_side_by_side():
    columns = np.array([[0, 5], [1, 5], [0, 7]])
    one_hot = OneHot().fit(columns)
    rows = one_hot.transform(columns)
    assert_array_equal(rows, np.float32([[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]), strict=True)
    assert_array_equal(one_hot.inverse_transform(rows), columns)


def test_one_hot_of_a_data_frame_of_mixed_columns():
    frame = pd.DataFrame({"animal": ["dog", "cat", "dog"], "size": [2, 2, 1]})
    one_hot = OneHot().fit(frame)
    rows = one_hot.transform(frame)
    assert_array_equal(rows, np.float32([[0, 1, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]), strict=True)
    assert one_hot.inverse_transform(rows).tolist() == frame.to_numpy().tolist()
    assert one_hot.feature_names_in_.tolist() == ["animal", "size"]
    assert one_hot.get_feature_names_out().tolist() == ["animal_cat", "animal_dog", "size_1", "size_2"]


def test_one_hot_forgets_the_column_names_of_an_earlier_fit():
    one_hot = OneHot().fit(pd.DataFrame({"animal": ["dog", "cat"]})).fit(["dog", "cat"])
    assert not hasattr(one_hot, "feature_names_in_")
    assert one_hot.get_feature_names_out().tolist() == ["x0_cat", "x0_dog"]


def test_one_hot_with_n_classes_has_a_column_for_every_class():
    one_hot = OneHot(n_classes=5).fit([3, 1])
    assert_array_equal(one_hot.transform([4, 0]), np.eye(5, dtype=np.float32)[[4, 0]], strict=True)
    assert one_hot.inverse_transform(np.eye(5)).tolist() == [0, 1, 2, 3, 4]


def test_one_hot_with_n_classes_holds_for_every_column():
    rows = OneHot(n_classes=2).fit_transform(pd.DataFrame({"a": [0, 1], "b": [1, 1]}))
    assert_array_equal(rows, [[1, 0, 0, 1], [0, 1, 0, 1]])


@pytest.mark.parametrize("labels, named", [([0, 3], "3"), ([0, -1], "-1"), (["dog"], "dog"), ([[0], [7]], "7")])
def test_one_hot_with_n_classes_names_a_training_label_out_of_range(labels, named):
    with pytest.raises(ValueError, match=rf"unknown.*\D{named}\b.* during fit"):
        OneHot(n_classes=3).fit(labels)


@pytest.mark.parametrize("n_classes", [0, -1, 2.0, "3"])
def test_one_hot_names_a_bad_n_classes(n_classes):
    with pytest.raises(ValueError, match="The 'n_classes' parameter of OneHot must be"):
        OneHot(n_classes=n_classes).fit([0, 1])


@pytest.mark.parametrize(
    "one_hot, seen, unseen, named",
    [
        (OneHot(), ["dog", "cat"], ["dog", "elephant"], "elephant"),
        (OneHot(), [1, 2], [1, 31], "31"),
        (OneHot(), pd.Series(["dog", "cat"]), pd.Series(["cow"]), "cow"),
        (OneHot(), [["dog", 1], ["cat", 2]], [["dog", 3]], "3"),
        (OneHot(n_classes=3), [0, 1], [17], "17"),
    ],
)
def test_one_hot_names_an_unknown_label(one_hot, seen, unseen, named):
    fitted = clone(one_hot).fit(seen)
    with pytest.raises(ValueError, match=rf"unknown.*\b{named}\b.* during transform"):
        fitted.transform(unseen)


def test_one_hot_inverts_probabilities_to_the_likeliest_label():
    one_hot = OneHot().fit(["dog", "cat", "bird"])
    probabilities = np.float32([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]])
    assert one_hot.inverse_transform(probabilities).tolist() == ["cat", "bird", "dog"]


def test_one_hot_rejects_rows_of_another_number_of_classes():
    with pytest.raises(ValueError, match="Expected 2 columns, got 3"):
        OneHot().fit(["dog", "cat"]).inverse_transform(np.eye(3))


@pytest.mark.parametrize("n_classes", [None, 3])
def test_one_hot_rejects_continuous_numbers(n_classes):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        OneHot(n_classes=n_classes).fit([0.5, 1.25, 2.0])


def test_one_hot_takes_many_distinct_strings_without_a_warning():
    labels = [f"class {number:02}" for number in range(30)]
    assert_array_equal(OneHot().fit_transform(labels), np.eye(30))


@pytest.mark.parametrize("n_classes", [None, 2])
@pytest.mark.parametrize("labels, message", [(1, "2D array, got scalar"), (csr_array([[0], [1]]), "Sparse data")])
def test_one_hot_rejects_what_is_neither_labels_nor_a_table(labels, message, n_classes):
    with pytest.raises((TypeError, ValueError), match=message):
        OneHot(n_classes=n_classes).fit(labels)


# Names and output containers


@pytest.mark.parametrize("transformer", [Flatten(), Reshape(), ScaleToUnit(), ZScore(axis=0)], ids=str)
def test_table_keeps_names_and_index(transformer):
    frame = pd.DataFrame({"width": [1.0, 2.0, 5.0], "height": [3.0, 4.0, 0.0]}, index=[10, 20, 30])
    fitted = clone(transformer).set_output(transform="pandas").fit(frame)
    out = fitted.transform(frame)
    assert fitted.get_feature_names_out().tolist() == ["width", "height"]
    assert out.columns.tolist() == ["width", "height"]
    assert out.index.tolist() == [10, 20, 30]
    assert_array_equal(out.to_numpy(), clone(transformer).fit_transform(frame.to_numpy()))


@pytest.mark.parametrize("transformer", [Flatten(), Reshape(), ScaleToUnit(), ZScore(), ZScore(axis=0)], ids=str)
def test_table_without_names_takes_those_given(transformer):
    fitted = clone(transformer).fit(np.array([[1.0, 2.0], [3.0, 5.0]]))
    assert fitted.get_feature_names_out().tolist() == ["x0", "x1"]
    assert fitted.get_feature_names_out(["width", "height"]).tolist() == ["width", "height"]


@pytest.mark.parametrize("transformer", [Flatten(), ScaleToUnit(), ZScore(), Reshape((2, 2))], ids=str)
def test_image_has_a_name_for_every_pixel(transformer):
    fitted = clone(transformer).fit(np.ones((3, 2, 2)))
    assert fitted.get_feature_names_out().tolist() == ["x0_0", "x0_1", "x1_0", "x1_1"]


def test_reshape_names_the_places_in_its_output():
    reshape = Reshape((2, 1, 2)).fit(pd.DataFrame(np.ones((3, 4)), columns=list("abcd")))
    assert reshape.get_feature_names_out().tolist() == ["x0_0_0", "x0_0_1", "x1_0_0", "x1_0_1"]


def test_flattened_images_are_a_data_frame_with_a_column_for_every_pixel():
    frame = Flatten().set_output(transform="pandas").fit_transform(np.arange(8).reshape(2, 2, 2))
    assert frame.columns.tolist() == ["x0_0", "x0_1", "x1_0", "x1_1"]
    assert_array_equal(frame.to_numpy(), np.arange(8).reshape(2, 4))


@pytest.mark.parametrize("labels", [["dog", "cat"], pd.Series(["dog", "cat"], index=[7, 9])], ids=["list", "series"])
def test_one_hot_rows_are_a_data_frame_with_a_column_for_every_label(labels):
    frame = OneHot().set_output(transform="pandas").fit_transform(labels)
    assert frame.columns.tolist() == ["x0_cat", "x0_dog"]
    assert frame.index.tolist() == ([7, 9] if isinstance(labels, pd.Series) else [0, 1])
    assert_array_equal(frame.to_numpy(), [[0, 1], [1, 0]])


# Samples of another shape


@pytest.mark.parametrize("shape", [(8, 5), (9, 4), (8, 4, 1), (8,), (32,)], ids=str)
@pytest.mark.parametrize("transformer", ARRAYS, ids=str)
def test_transform_names_both_shapes(transformer, shape):
    fitted = clone(transformer).fit(np.ones((3, 8, 4)))
    with pytest.raises(ValueError, match=rf"{re.escape(str(shape))}.*{re.escape('(8, 4)')}"):
        fitted.transform(np.ones((3, *shape)))


@pytest.mark.parametrize(
    "transformer, shape, expected",
    [
        (Flatten(), (31,), (32,)),
        (Flatten(), (8, 4), (32,)),
        (Reshape((16, 2)), (16, 3), (16, 2)),
        (Reshape((16, 2)), (2, 16), (16, 2)),
        (ScaleToUnit(), (4, 8), (8, 4)),
        (ZScore(), (32,), (8, 4)),
    ],
    ids=str,
)
def test_inverse_transform_names_both_shapes(transformer, shape, expected):
    fitted = clone(transformer).fit(np.ones((3, 8, 4)))
    with pytest.raises(ValueError, match=rf"{re.escape(str(shape))}.*{re.escape(str(expected))}"):
        fitted.inverse_transform(np.ones((3, *shape)))


# The caller's arrays


@pytest.mark.parametrize("writeable", [True, False], ids=["writeable", "read-only"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("transformer", ARRAYS, ids=str)
def test_arrays_of_the_caller_never_change(transformer, dtype, writeable):
    images = images_of(dtype)
    images.setflags(write=writeable)
    before = images.copy()
    fitted = clone(transformer).fit(images)
    X_out = fitted.transform(images)
    X_out.setflags(write=writeable)
    X_out_before = X_out.copy()
    fitted.inverse_transform(X_out)
    assert_array_equal(images, before)
    assert_array_equal(X_out, X_out_before)


@pytest.mark.parametrize("writeable", [True, False], ids=["writeable", "read-only"])
@pytest.mark.parametrize("labels", [np.array([2, 0, 1]), np.array(["b", "c", "a"])], ids=["ints", "strings"])
def test_labels_of_the_caller_never_change(labels, writeable):
    labels = labels.copy()
    labels.setflags(write=writeable)
    before = labels.copy()
    one_hot = OneHot().fit(labels)
    probabilities = np.array([[0.2, 0.7, 0.1]])
    probabilities.setflags(write=writeable)
    one_hot.transform(labels)
    one_hot.inverse_transform(probabilities)
    assert_array_equal(labels, before)
    assert_array_equal(probabilities, [[0.2, 0.7, 0.1]])


def test_data_frame_of_the_caller_never_changes():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    before = frame.copy()
    for transformer in ARRAYS[2:]:
        clone(transformer).fit(frame).transform(frame)
    pd.testing.assert_frame_equal(frame, before)


# Together with scikit-learn


def test_pipeline_from_images_to_classes(digits):
    images, labels = digits.images, digits.target
    pipe = make_pipeline(ScaleToUnit(max_value=16), ZScore(axis=0), Flatten(), KNeighborsClassifier())
    pipe.fit(images[:1000], labels[:1000])
    assert pipe.score(images[1000:], labels[1000:]) > 0.9


def test_pipeline_of_transformers_inverts_and_names_its_output():
    images = images_of(np.uint8, (20, 3, 2))
    pipe = make_pipeline(Flatten(), ScaleToUnit(), ZScore(axis=0), Reshape((3, 2, 1))).fit(images)
    X_out = pipe.transform(images)
    assert X_out.shape == (20, 3, 2, 1)
    assert X_out.dtype == np.float32
    assert_allclose(pipe.inverse_transform(X_out), images, atol=1e-3)
    assert pipe[:-1].get_feature_names_out().tolist() == ["x0_0", "x0_1", "x1_0", "x1_1", "x2_0", "x2_1"]


@pytest.mark.parametrize(
    "transformer",
    [Reshape((2, -1)), ScaleToUnit(max_value=16), ZScore(axis=(0, 1, 2)), OneHot(n_classes=4), Flatten()],
    ids=str,
)
def test_clone_keeps_parameters_and_drops_what_was_learnt(transformer):
    X = [[0], [3]] if isinstance(transformer, OneHot) else np.ones((2, 4, 2, 2))
    fitted = clone(transformer).fit(X)
    copy = clone(fitted)
    assert copy.get_params() == transformer.get_params()
    assert {name for name in vars(fitted) if name.endswith("_")}
    assert not {name for name in vars(copy) if name.endswith("_")}


@pytest.mark.parametrize("transformer", ALL, ids=str)
def test_pickle_keeps_what_was_learnt(transformer):
    X = ["dog", "cat", "cow"] if isinstance(transformer, OneHot) else images_of(np.uint8)
    fitted = clone(transformer).fit(X)
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(loaded.transform(X), fitted.transform(X), strict=True)
    X_out = fitted.transform(X)
    assert_array_equal(loaded.inverse_transform(X_out), fitted.inverse_transform(X_out), strict=True)


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("globally", [False, True])
class TestContainers:
    """Tables come out as frames with the names of the columns, images as they are."""

    def outputs(self, transformer, X, container, globally):
        transformer = clone(transformer) if globally else clone(transformer).set_output(transform=container)
        with sklearn.config_context(transform_output=container if globally else "default"):
            return transformer.fit_transform(X), transformer.transform(X)

    @pytest.mark.parametrize("transformer", [ScaleToUnit(), ZScore(), Reshape((2, -1)), Reshape((4, -1, 1))], ids=str)
    def test_images(self, transformer, container, globally):
        X = images_of(np.uint8)
        expected = clone(transformer).fit(X).transform(X)
        for images in self.outputs(transformer, X, container, globally):
            assert_array_equal(images, expected, strict=True)

    @pytest.mark.parametrize("transformer", [ScaleToUnit(), ZScore(axis=0), Flatten(), Reshape(4)], ids=str)
    def test_tables(self, transformer, container, globally, rng):
        frame = pd.DataFrame(rng.normal(size=(6, 4)), columns=list("abcd"), index=range(10, 16))
        expected = clone(transformer).fit(frame).transform(frame)
        for table in self.outputs(transformer, frame, container, globally):
            assert type(table).__module__.startswith(container)
            assert list(table.columns) == list("abcd")
            assert_array_equal(table.to_numpy(), expected)
            assert container == "polars" or list(table.index) == list(range(10, 16))

    def test_images_to_tables_and_back(self, container, globally):
        X = images_of(np.uint8)
        transformer = Flatten() if globally else Flatten().set_output(transform=container)
        with sklearn.config_context(transform_output=container if globally else "default"):
            table = transformer.fit_transform(X)
            assert list(table.columns) == transformer.get_feature_names_out().tolist()
            assert_array_equal(transformer.inverse_transform(table), X)

    def test_one_hot(self, container, globally):
        for table in self.outputs(OneHot(), ["a", "b", "a"], container, globally):
            assert list(table.columns) == ["x0_a", "x0_b"]
            assert table.to_numpy().tolist() == [[1, 0], [0, 1], [1, 0]]

    @pytest.mark.slow_after(2)
    def test_in_a_pipeline_with_a_network(self, container, globally):
        X, y = load_digits().images[:60], load_digits().target[:60]
        for steps in ((ScaleToUnit(),), (ZScore(), Flatten(), Reshape((8, 8, 1)))):
            plain = make_pipeline(*map(clone, steps), CNNClassifier((2,), epochs=1, random_state=0)).fit(X, y)
            expected = plain.predict_proba(X)
            framed = clone(plain) if globally else clone(plain).set_output(transform=container)
            with sklearn.config_context(transform_output=container if globally else "default"):
                assert_array_equal(framed.fit(X, y).predict_proba(X), expected)


# TensorFlow stays out

USE_EVERY_TRANSFORMER = """
import numpy as np
from skdeep import Flatten, OneHot, Reshape, ScaleToUnit, ZScore
images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
for transformer in (Flatten(), Reshape((4, 3)), ScaleToUnit(), ZScore(), ZScore(axis=0)):
    transformer.inverse_transform(transformer.fit_transform(images))
OneHot().fit_transform(["dog", "cat"])
"""


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "code",
    ["import skdeep\n", "import skdeep.preprocessing\n", USE_EVERY_TRANSFORMER],
    ids=["import skdeep", "import skdeep.preprocessing", "use"],
)
def test_transformers_never_load_tensorflow(code):
    code += "import sys\nassert not {'tensorflow', 'keras'} & set(sys.modules), 'loaded TensorFlow'\nprint('done')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "done\n"
