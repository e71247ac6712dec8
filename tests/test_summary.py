"""The table of layers."""

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdeep import CNNClassifier, DNNClassifier, programs


@pytest.fixture(scope="module")
def cnn():
    X = np.zeros((10, 28, 28), dtype=np.uint8)
    params = {"dropout": 0.3, "optimizer": "sgd", "epochs": 1, "random_state": 0}
    return CNNClassifier(((32,),), hidden_layer_sizes=(128,), **params).fit(X, np.arange(10))


def test_text(cnn):
    assert str(cnn.summary()).splitlines() == [
        "layer      kind          output shape  parameters",
        "-------------------------------------------------",
        "input      InputLayer    28 x 28 x 1            0",
        "conv_1_1   Conv2D        28 x 28 x 32         320",
        "pool_1     MaxPooling2D  14 x 14 x 32           0",
        "flatten    Flatten       6272                   0",
        "hidden_1   Dense         128              802,944",
        "dropout_1  Dropout       128                    0",
        "output     Dense         10                 1,290",
        "-------------------------------------------------",
        "total                                     804,554",
    ]


def test_values(cnn):
    summary = cnn.summary()
    assert summary.n_parameters == cnn.model_.count_params() == 804_554
    assert [layer.output_shape for layer in summary.layers][:3] == [(28, 28, 1), (28, 28, 32), (14, 14, 32)]


def test_notebooks_show_a_table_also_with_the_estimator(cnn):
    table = cnn.summary()._repr_html_()
    assert table.count("<tr>") == 9
    assert "<td style='text-align: right'>804,554</td>" in table
    assert f"<summary>Layers</summary>{table}</details>" in cnn._repr_mimebundle_()["text/html"]
    assert "Layers</summary>" not in CNNClassifier()._repr_mimebundle_()["text/html"]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "wrap",
    [
        make_pipeline,
        lambda clf: GridSearchCV(clf, {"alpha": [0.1]}, cv=2),
        lambda clf: GridSearchCV(make_pipeline(clf), {"dnnclassifier__alpha": [0.1]}, cv=2),
    ],
    ids=["pipeline", "search", "search over a pipeline"],
)
def test_layers_are_shown_in_what_stands_around_the_estimator(wrap, iris):
    whole = wrap(DNNClassifier((5,), epochs=1, random_state=0))
    assert "Layers</summary>" not in whole._repr_html_()
    fitted = whole.fit(*iris)
    found = getattr(fitted, "best_estimator_", fitted)
    network = found[-1] if hasattr(found, "steps") else found
    assert fitted._repr_html_().count(f"<summary>Layers</summary>{network.summary()._repr_html_()}") == 1


def test_a_picture_does_not_keep_the_program_from_other_networks(iris):
    clf = DNNClassifier((5,), epochs=1, random_state=0).fit(*iris)
    before = programs.info()["reused"]
    assert "model_" in clf._repr_html_()
    DNNClassifier((5,), epochs=1, random_state=1).fit(*iris)
    assert programs.info()["reused"] == before + 1
    assert clf.model_ is clf.model_


def test_a_search_that_did_not_refit_has_no_layers(iris):
    search = GridSearchCV(DNNClassifier((5,), epochs=1), {"alpha": [0.1]}, cv=2, refit=False).fit(*iris)
    assert "Layers</summary>" not in search._repr_html_()


def test_an_unfitted_estimator_has_no_layers():
    with pytest.raises(NotFittedError):
        DNNClassifier().summary()


def test_a_program_is_reused_after_a_look_at_its_layers(iris):
    programs.clear()
    clf = DNNClassifier((5,), epochs=1).fit(*iris)
    assert clf.summary().n_parameters == 4 * 5 + 5 + 5 * 3 + 3
    del clf
    assert programs.info()["idle"] == 1


@pytest.mark.parametrize("wrap", [lambda clf: clf, make_pipeline, lambda clf: GridSearchCV(clf, {"alpha": [0, 1]})])
def test_long_values_of_parameters_are_shortened(wrap):
    clf = wrap(
        DNNClassifier(hidden_layer_sizes=tuple(range(1, 1000)), class_weight={f"c{i}": 1.0 for i in range(1000)})
    )
    assert len(repr(clf)) < 2500
    assert "..." in repr(clf)
    for text in (repr(clf), clf._repr_html_()):
        assert "c999" not in text
        assert "998" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", text, flags=re.DOTALL)
