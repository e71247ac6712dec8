"""skdeep.export: pipelines as one ONNX file, whose answers are those of the pipeline."""

import subprocess
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from skdeep import (
    CNNClassifier,
    CNNRegressor,
    DNNClassifier,
    DNNRegressor,
    Flatten,
    KerasClassifier,
    KerasRegressor,
    MLPClassifier,
    MLPRegressor,
    Reshape,
    ScaleToUnit,
    TableClassifier,
    TableEncoder,
    TableRegressor,
    ZScore,
    export,
)

X, Y = load_iris(return_X_y=True)
WORDS = np.array(["setosa", "versicolor", "ö"])[Y]


def dense(**params):
    return DNNClassifier(**{"hidden_layer_sizes": (8,), "epochs": 2, "random_state": 0} | params)


def dense_regressor(**params):
    return DNNRegressor(**{"hidden_layer_sizes": (8,), "epochs": 2, "random_state": 0} | params)


def own(n_outputs, loss):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(n_outputs)])
    model.compile("adam", loss)
    return model


def own_classifier():
    return own(3, keras.losses.SparseCategoricalCrossentropy(from_logits=True))


def own_binary():
    return own(1, keras.losses.BinaryCrossentropy(from_logits=True))


def own_regressor():
    return own(2, "mean_squared_error")


def table():
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(5, 2, 200), "n": rng.integers(0, 9, 200)})
    df["c"] = rng.choice(["x", "y", "z"], 200, p=[0.6, 0.3, 0.1])
    df.loc[::7, "a"] = np.nan
    return df


def columns(df):
    """Return what an ONNX session is fed for a frame: an array for each column, with empty strings for missing ones."""
    texts = {
        name: df[[name]].astype(object).fillna("").to_numpy(dtype=object)
        for name in df
        if df[name].dtype.kind not in "if"
    }
    return {name: texts.get(name, df[[name]].to_numpy()) for name in df}


def answers(pipeline, X, path, **params):
    export.to_onnx(pipeline, X, path, **params)
    feed = columns(X) if isinstance(X, pd.DataFrame) else {"X": X}
    return onnxruntime.InferenceSession(path).run(None, feed)


def check_classifier(pipeline, X, path):
    labels, probabilities = answers(pipeline, X, path)
    np.testing.assert_array_equal(labels, pipeline.predict(X))
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(X), rtol=0, atol=1e-5)


def check_regressor(pipeline, X, path):
    (predictions,) = answers(pipeline, X, path)
    expected = pipeline.predict(X)
    np.testing.assert_allclose(predictions, expected.reshape(len(expected), -1), rtol=1e-5, atol=1e-5)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "pipeline, y",
    [
        (make_pipeline(StandardScaler(), dense()), WORDS),
        (make_pipeline(MinMaxScaler(), MLPClassifier(epochs=2, random_state=0)), Y + 3),
        (make_pipeline(StandardScaler(), dense()), Y > 0),
        (make_pipeline(StandardScaler(), dense()), Y.astype(float)),
        (make_pipeline(ZScore(axis=0), dense()), np.eye(3, dtype=int)[Y]),
        (make_pipeline(ScaleToUnit(), dense()), np.column_stack([Y > 0, Y < 2, Y == 1]).astype(int)),
        (make_pipeline(StandardScaler(), dense(output_activation="sigmoid")), Y),
        (make_pipeline(StandardScaler(), dense(loss="categorical_hinge")), Y),
        (make_pipeline(StandardScaler(), dense(dtype_policy="float64", batch_normalization=True)), WORDS),
        (make_pipeline(StandardScaler(), KerasClassifier(own_classifier, epochs=2, verbose=0, random_state=0)), WORDS),
        (
            make_pipeline(StandardScaler(), KerasClassifier(own_binary, epochs=2, verbose=0, random_state=0)),
            WORDS == "ö",
        ),
    ],
    ids=[
        "words",
        "ints",
        "bool",
        "floats",
        "one-hot",
        "multilabel",
        "sigmoid",
        "hinge",
        "float64",
        "own",
        "own-binary",
    ],
)
def test_classifiers(pipeline, y, dtype, tmp_path):
    check_classifier(pipeline.fit(X.astype(dtype), y), X.astype(dtype), tmp_path / "file.onnx")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "regressor",
    [
        dense_regressor(),
        dense_regressor(scale_targets=False),
        MLPRegressor(epochs=2, random_state=0),
        KerasRegressor(own_regressor, epochs=2, verbose=0, random_state=0, scale_targets=True),
    ],
    ids=["scaled", "not-scaled", "mlp", "own"],
)
def test_regressors(regressor, dtype, tmp_path):
    y = 1e4 + 100 * X[:, :2]
    check_regressor(make_pipeline(StandardScaler(), regressor).fit(X.astype(dtype), y), X.astype(dtype), tmp_path / "f")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    "steps", [(ScaleToUnit(),), (ZScore(),), (ScaleToUnit(10), Reshape((4, 16)), Reshape((8, 8, 1)))]
)
def test_images(steps, dtype, digits, tmp_path):
    images = digits.images[:300].astype(dtype)
    clf = make_pipeline(*steps, CNNClassifier(((4,), (8,)), epochs=1, random_state=0)).fit(images, digits.target[:300])
    check_classifier(clf, images, tmp_path / "file.onnx")
    clf = make_pipeline(*steps, Flatten(), dense()).fit(images, digits.target[:300])
    check_classifier(clf, images, tmp_path / "file.onnx")
    reg = make_pipeline(*steps, CNNRegressor(((4,), (8,)), epochs=1, random_state=0)).fit(images, digits.target[:300])
    check_regressor(reg, images, tmp_path / "file.onnx")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("is_classifier", [False, True])
def test_tables_by_scikit_learn(is_classifier, tmp_path):
    df = table()
    y = 3 * df["b"] + 1000
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [("number", numbers, ["a", "b", "n"]), ("word", OneHotEncoder(handle_unknown="ignore"), ["c"])]
    )
    if is_classifier:
        check_classifier(make_pipeline(columns, dense()).fit(df, np.where(y > 1015, "high", "low")), df, tmp_path / "f")
    else:
        check_regressor(make_pipeline(columns, dense_regressor()).fit(df, y), df, tmp_path / "f")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("max_categories", [100, 2])
def test_tables(max_categories, tmp_path):
    df = table()
    y = 3 * df["b"] + 1000
    reg = TableRegressor(n_networks=2, epochs=2, max_categories=max_categories, random_state=0).fit(df, y)
    check_regressor(reg, df, tmp_path / "file.onnx")
    clf = TableClassifier(n_networks=2, epochs=2, max_categories=max_categories, random_state=0)
    check_classifier(clf.fit(df, np.where(y > 1015, "high", "low")), df, tmp_path / "file.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("params", [{}, {"clip": None}, {"dtype": "float64"}, {"max_categories": 2}])
def test_encoded_tables_with_what_is_new_in_them(params, tmp_path):
    df = table()
    df["none"] = np.nan
    df.loc[::9, "c"] = None
    reg = make_pipeline(TableEncoder(**params), dense_regressor()).fit(df, df["b"])
    new = df.assign(none=1.0, b=df["b"].where(df.index % 2 == 0, 1e200 if params != {"clip": None} else 9.0))
    new.loc[::5, "c"] = "new"
    export.to_onnx(reg, table().assign(none=0.0)[list(df)], tmp_path / "file.onnx")
    (predictions,) = onnxruntime.InferenceSession(tmp_path / "file.onnx").run(None, columns(new))
    np.testing.assert_allclose(predictions[:, 0], reg.predict(new), rtol=1e-5, atol=1e-5)


def test_an_array_of_numbers_as_a_table(tmp_path):
    clf = TableClassifier(n_networks=1, epochs=1, random_state=0).fit(X, Y)
    check_classifier(clf, X, tmp_path / "file.onnx")


def test_lists_of_dicts(tmp_path):
    clf = make_pipeline(StandardScaler(), dense()).fit(X, WORDS)
    _, dicts = answers(clf, X, tmp_path / "file.onnx", zipmap=True)
    assert list(dicts[0]) == clf.classes_.tolist()
    np.testing.assert_allclose([list(each.values()) for each in dicts], clf.predict_proba(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("target_opset", [None, 18])
def test_by_skl2onnx_itself(target_opset):
    clf = make_pipeline(StandardScaler(), dense()).fit(X, Y)
    export.register_converters()
    model = skl2onnx.to_onnx(clf, X[:1], target_opset=target_opset, options={"zipmap": False})
    labels, probabilities = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": X})
    np.testing.assert_array_equal(labels, clf.predict(X))
    np.testing.assert_allclose(probabilities, clf.predict_proba(X), rtol=0, atol=1e-5)


def test_only_domains_that_are_used_are_declared(tmp_path):
    clf = make_pipeline(StandardScaler(), dense()).fit(X, Y)
    for write in (lambda path: export.to_onnx(clf, X, path), clf[-1].to_onnx):
        write(tmp_path / "file.onnx")
        model = onnx.load(tmp_path / "file.onnx")
        assert {each.domain for each in model.opset_import} == {each.domain for each in model.graph.node}


@pytest.mark.slow
def test_without_tensorflow_and_scikit_learn(tmp_path):
    clf = make_pipeline(StandardScaler(), dense()).fit(X, WORDS)
    export.to_onnx(clf, X, tmp_path / "file.onnx")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, numpy as np, onnxruntime; folder = sys.argv[1]\n"
        "session = onnxruntime.InferenceSession(folder + '/file.onnx')\n"
        "labels, probabilities = session.run(None, {'X': np.load(folder + '/X.npy')})\n"
        "np.save(folder + '/labels.npy', labels.astype(str)); np.save(folder + '/probabilities.npy', probabilities)\n"
        "assert not {'tensorflow', 'keras', 'sklearn', 'skdeep'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), clf.predict(X))
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), clf.predict_proba(X), rtol=0, atol=1e-5)


class Unknown(StandardScaler):
    pass


class TestErrors:
    @pytest.mark.parametrize(
        "step, message",
        [
            (Unknown(), r"step 'inner__step' \(Unknown\) .*no converter"),
            (FunctionTransformer(np.log1p), r"step 'inner__step' \(FunctionTransformer\) cannot be written"),
        ],
    )
    def test_the_step_is_named(self, step, message, tmp_path):
        clf = Pipeline([("inner", Pipeline([("step", step)])), ("network", dense())])
        with pytest.raises(ValueError, match=message):
            export.to_onnx(clf.fit(X, Y), X, tmp_path / "file.onnx")
        assert not list(tmp_path.iterdir())

    def test_quantiles(self, tmp_path):
        reg = make_pipeline(StandardScaler(), dense_regressor(quantiles=[0.1])).fit(X, Y)
        message = r"step 'dnnregressor' \(DNNRegressor\) cannot be written as ONNX: .*no quantiles"
        with pytest.raises(ValueError, match=message):
            export.to_onnx(reg, X, tmp_path / "file.onnx")

    def test_labels_that_are_fractions(self, tmp_path):
        clf = make_pipeline(StandardScaler(), KerasClassifier(own_classifier, epochs=1, verbose=0)).fit(X, Y)
        clf[-1]._targets.classes = np.array([0.5, 1.5, 2.5])
        with pytest.raises(ValueError, match=r"whole numbers and strings as labels. Got \[0.5, 1.5, 2.5\]"):
            export.to_onnx(clf, X, tmp_path / "file.onnx")

    def test_categories_that_are_numbers(self, tmp_path):
        clf = make_pipeline(TableEncoder(categorical_features=[0]), dense()).fit(X, Y)
        with pytest.raises(ValueError, match=r"'tableencoder' \(TableEncoder\) .*categories that are no strings"):
            export.to_onnx(clf, X, tmp_path / "file.onnx")

    def test_not_fitted(self, tmp_path):
        with pytest.raises(NotFittedError):
            export.to_onnx(make_pipeline(StandardScaler(), dense()), X, tmp_path / "file.onnx")

    def test_without_skl2onnx_it_says_what_to_install(self, tmp_path, monkeypatch):
        clf = make_pipeline(StandardScaler(), dense()).fit(X, Y)
        monkeypatch.setitem(sys.modules, "skl2onnx", None)
        monkeypatch.setattr("skdeep.export._graph.skl2onnx._module", None)  # as it is before the first use
        with pytest.raises(ImportError, match=r"need skl2onnx, onnx and tf2onnx: pip install 'skdeep\[onnx\]'"):
            export.to_onnx(clf, X, tmp_path / "file.onnx")
