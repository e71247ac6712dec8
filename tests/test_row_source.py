"""Data that is not in memory: anything with shape, dtype and rows by slices trains as the same array does."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skdeep import CNNClassifier, DNNClassifier
from skdeep._data.row_source import RowSource, is_row_source


class Source:
    """The protocol and nothing else; notes what was read."""

    def __init__(self, X):
        self._X = X
        self.shape, self.dtype = X.shape, X.dtype
        self.reads = []

    def __len__(self):
        return len(self._X)

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.reads.append(rows.stop - rows.start)
        return self._X[rows]


@pytest.fixture(params=["protocol", "h5py"])
def source(request, tmp_path):
    if request.param == "protocol":
        yield Source
        return
    with h5py.File(tmp_path / "data.h5", "w") as file:
        yield lambda X: file.create_dataset(str(len(file)), data=X, chunks=True)


def quick(**params):
    return DNNClassifier((16,), **{"epochs": 3, "random_state": 0} | params)


def weights(estimator):
    return np.concatenate([weight.ravel() for weight in estimator.model_.get_weights()])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shuffle", [True, False, "blocks"])
def test_the_same_bits_as_from_memory(dtype, shuffle, source, digits):
    X, y = digits.data.astype(dtype), digits.target
    params = {"shuffle": shuffle, "validation_fraction": 0.2}
    expected = quick(**params).fit(X, y)
    clf = quick(**params).fit(source(X), y)
    np.testing.assert_array_equal(weights(clf), weights(expected))
    np.testing.assert_array_equal(clf.predict_proba(source(X)), expected.predict_proba(X))
    assert clf.score(source(X), y) == expected.score(X, y)
    assert clf.n_features_in_ == 64


@pytest.mark.slow_after(1)
def test_images_validation_data_and_partial_fit(source, digits):
    X, y = digits.images, digits.target
    cnn = CNNClassifier((4,), epochs=1, random_state=0)
    expected = weights(cnn.fit(X, y, X_val=X[:99], y_val=y[:99]).partial_fit(X, y))
    assert np.array_equal(
        weights(cnn.fit(source(X), y, X_val=source(X[:99]), y_val=y[:99]).partial_fit(X, y)), expected
    )
    with pytest.raises(ValueError, match=r"images of shape \(8, 7\)"):
        cnn.predict(source(X[:, :, :7]))


@pytest.mark.slow_after(1)
def test_weights_leave_rows_out(source, digits):
    X, y = digits.data, digits.target
    weight = np.arange(len(y)) % 3
    expected = weights(quick().fit(X, y, sample_weight=weight))
    np.testing.assert_array_equal(weights(quick().fit(source(X), y, sample_weight=weight)), expected)


def test_never_more_than_a_chunk_is_read(rng):
    X = Source(rng.random((20_000, 500), dtype=np.float32))
    clf = quick(epochs=1, shuffle="blocks", batch_size=100).fit(X, np.arange(20_000) % 2)
    clf.predict(X)
    assert 500 * 4 * max(X.reads) <= 8 * 2**20
    # A read for each block in a chunk, not for each row; how many chunks there are hangs on the time they take.
    assert len(X.reads) < len(X) / 4


def test_the_order_of_reads_is_that_of_the_rows():
    X = Source(np.arange(100)[:, np.newaxis])
    taken = RowSource(X).take([50, 3, 3, 52, 0, 99])
    assert taken.ravel().tolist() == [50, 3, 3, 52, 0, 99]
    assert X.reads == [4, 3, 1]


@given(
    hnp.arrays(np.int64, st.tuples(st.integers(1, 40), st.integers(1, 3))).flatmap(
        lambda X: st.tuples(st.just(X), st.lists(st.integers(0, len(X) - 1), min_size=1))
    )
)
def test_any_rows(drawn):
    X, positions = drawn
    np.testing.assert_array_equal(RowSource(Source(X)).take(positions), X[positions])
    assert RowSource(Source(X)).limits() == (X.min(), X.max())


@pytest.mark.parametrize(
    "X, message",
    [
        (np.array([[0.0, 1], [np.nan, 1]]), "Input X contains NaN or infinity"),
        (np.array([[0.0, 1], [np.inf, 1]]), "Input X contains NaN or infinity"),
        (np.array([[0.0, 1], [1e300, 1]]), "Input X contains a value too large for float32"),
        (np.zeros((0, 2)), r"Found array with 0 sample\(s\)"),
        (np.zeros((2, 0)), "with an axis of length 0"),
        (np.zeros(2), "X must have at least two axes"),
        (np.zeros((3, 2)), "inconsistent numbers of samples"),
    ],
)
def test_errors(X, message, source):
    with pytest.raises(ValueError, match=message):
        quick().fit(source(X), [0, 1])


def test_errors_of_a_fitted_estimator(source, digits):
    clf = quick(epochs=1).fit(digits.data, digits.target)
    with pytest.raises(ValueError, match="X has 63 features, but DNNClassifier is expecting 64"):
        clf.predict(source(digits.data[:, :63]))
    with pytest.raises(ValueError, match="takes tables"):
        clf.predict(source(digits.images))


def test_a_source_that_does_not_keep_its_promise():
    X = Source(np.zeros((10, 2)))
    X.shape = (10, 3)
    with pytest.raises(ValueError, match=r"X\[0:10\] has the shape \(10, 2\), but X.shape promises \(10, 3\)"):
        quick().fit(X, [0, 1] * 5)


def test_what_is_no_source(tmp_path):
    import pandas as pd
    import scipy.sparse
    from keras import ops

    X = np.zeros((4, 2))
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", float, (4, 2))
    others = [X, mapped, X.tolist(), pd.DataFrame(X), scipy.sparse.csr_array(X), ops.convert_to_tensor(X), Source]
    assert not any(map(is_row_source, others))
    assert not is_row_source(Source(X.astype(str)))
    assert is_row_source(Source(X))


@pytest.mark.parametrize("n_rows", [1, 511, 512, 513, 5000])
def test_blocks_are_a_permutation_that_keeps_neighbours_near(n_rows, rng):
    from skdeep._data.sampling import epoch_order

    order = epoch_order(n_rows, "blocks", rng)
    assert sorted(order) == list(range(n_rows))
    for start in range(0, n_rows, 2048):
        assert len(np.unique(order[start : start + 2048] // 512)) <= 6  # the last block may be a short one
    if n_rows == 5000:
        assert not np.array_equal(order, epoch_order(n_rows, "blocks", rng))
        assert len(np.unique(order[:32] // 512)) > 1
