"""Files in the displays: which are found, and what is drawn of them."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeep import DNNClassifier, Flatten, ReadImages, ScaleToUnit
from skdeep.plotting import ImageGridDisplay, PredictionDisplay


@pytest.fixture(autouse=True)
def agg():
    """Draw without a screen, and close what was drawn."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Twenty photographs of noise of several sizes, half of them dark."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for i in range(20):
        pixels = rng.integers(0, 100, (8 + i % 3, 12, 3)) + 150 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02d}.png")
    return sorted(map(str, folder.iterdir()))


@pytest.fixture(scope="module")
def labels():
    return np.array(["dark", "light"] * 10)


def classifier():
    return DNNClassifier((8,), epochs=5, random_state=0)


def pipeline(**parameters):
    return make_pipeline(ReadImages(size=(6, 5), **parameters), Flatten(), ScaleToUnit(), classifier())


def pixels_drawn(display):
    """Return the pixels of the images, from 0 to 255."""
    values = 255 * np.stack([np.asarray(image.get_array()) for image in display.images_])
    np.testing.assert_allclose(values, values.round(), atol=1e-9)
    return values.round().astype(int)


FORMS = {
    "list": list,
    "array": np.array,
    "column": lambda paths: np.array(paths)[:, np.newaxis],
    "series": pd.Series,
    "frame": lambda paths: pd.DataFrame({"path": paths}),
}


class TestPredictionsForFiles:
    @pytest.mark.parametrize("form", FORMS)
    def test_pictures_are_what_the_pipeline_reads(self, form, paths, labels):
        pipe = pipeline().fit(paths, labels)
        display = PredictionDisplay.from_estimator(pipe, FORMS[form](paths), labels)
        assert_array_equal(pixels_drawn(display), pipe[0].transform(paths))
        assert_array_equal(display.y_pred, pipe.predict(paths))
        assert_array_equal(display.probabilities, pipe.predict_proba(paths).max(axis=1))

    def test_grey(self, paths, labels):
        pipe = pipeline(mode="L").fit(paths, labels)
        display = PredictionDisplay.from_estimator(pipe, paths, labels, n_images=3)
        assert_array_equal(pixels_drawn(display), pipe[0].transform(paths[:3]))

    def test_steps_before_the_files_and_pipelines_in_pipelines(self, paths, labels):
        frame = pd.DataFrame({"path": paths, "label": labels})
        column = FunctionTransformer(lambda X: X["path"].to_numpy())
        reading = make_pipeline("passthrough", ReadImages(size=4), Flatten())
        pipe = make_pipeline(column, reading, ScaleToUnit(), classifier()).fit(frame, labels)
        display = PredictionDisplay.from_estimator(pipe, frame, labels)
        assert_array_equal(pixels_drawn(display), ReadImages(size=4).fit_transform(paths))

    @pytest.mark.parametrize(
        "around",
        [
            lambda pipe: GridSearchCV(pipe, {"readimages__size": [5]}, cv=2),
            lambda pipe: TunedThresholdClassifierCV(pipe.set_params(readimages__size=5), cv=2),
        ],
        ids=["search", "threshold"],
    )
    def test_estimators_around_the_pipeline(self, around, paths, labels):
        estimator = around(pipeline()).fit(paths, labels == "dark")
        display = PredictionDisplay.from_estimator(estimator, paths, labels == "dark", n_images=4)
        assert_array_equal(pixels_drawn(display), ReadImages(size=5).fit_transform(paths)[:4])

    def test_read_by_a_step_of_the_users(self, paths, labels):
        reader = FunctionTransformer(ReadImages(size=4).fit_transform)
        pipe = make_pipeline(reader, Flatten(), ScaleToUnit(), classifier()).fit(paths, labels)
        display = PredictionDisplay.from_estimator(pipe, paths, labels)
        assert display.images.shape == (20, 10, 12, 3)

    def test_pictures_of_other_files(self, paths, labels):
        images = ReadImages(size=4).fit_transform(paths)
        pipe = make_pipeline(Flatten(), ScaleToUnit(), classifier()).fit(images, labels)
        display = PredictionDisplay.from_estimator(pipe, images, labels, images=paths, image_shape=(7, 9))
        assert_array_equal(pixels_drawn(display), ReadImages(size=(7, 9)).fit_transform(paths))

    def test_files_that_are_missing_are_named(self, paths, labels):
        pipe = pipeline().fit(paths, labels)
        with pytest.raises(FileNotFoundError, match=r"Cannot read 'nowhere.png'"):
            PredictionDisplay.from_estimator(pipe, [*paths, "nowhere.png"])


class TestGridOfFiles:
    @pytest.mark.parametrize("form", FORMS)
    def test_proportions_are_kept_amid_white(self, form, paths):
        display = ImageGridDisplay(FORMS[form](paths)).plot(n_images=3)
        for path, drawn in zip(paths[:3], pixels_drawn(display), strict=True):
            height = np.asarray(Image.open(path)).shape[0]
            expected = np.full((10, 12, 3), 255)
            expected[(10 - height) // 2 :][:height] = np.asarray(Image.open(path))
            assert_array_equal(drawn, expected)

    def test_of_one_size(self, paths):
        display = ImageGridDisplay(paths, image_shape=(5, 6)).plot()
        assert_array_equal(pixels_drawn(display), ReadImages(size=(5, 6)).fit_transform(paths))

    def test_large_and_grey_ones_are_made_smaller(self):
        images = [Image.fromarray(np.full((600, 300), value, np.uint8)) for value in (0, 51)]
        drawn = pixels_drawn(ImageGridDisplay(images).plot())
        assert drawn.shape == (2, 256, 128)
        assert_array_equal(np.unique(drawn), [0, 51])
        long_image = Image.fromarray(np.zeros((2, 3000), np.uint8))
        assert pixels_drawn(ImageGridDisplay([long_image]).plot()).shape == (1, 1, 256)

    def test_open_files(self):
        file = io.BytesIO()
        Image.fromarray(np.full((4, 4), 51, np.uint8)).save(file, "png")
        file.seek(0)
        assert_array_equal(pixels_drawn(ImageGridDisplay([file]).plot()), np.full((1, 4, 4), 51))

    def test_no_more_are_read_than_are_drawn(self, paths):
        display = ImageGridDisplay([*paths, "nowhere.png"], titles=range(21))
        assert len(display.plot(n_images=20).images_) == 20
        with pytest.raises(FileNotFoundError, match=r"Cannot read 'nowhere.png'"):
            display.plot()
        with pytest.raises(ValueError, match=r"titles must be one for each of the 20 images. Got 1"):
            ImageGridDisplay(paths, titles=["a"]).plot(n_images=1)

    def test_predictions_that_were_made_before(self, paths, labels):
        display = PredictionDisplay.from_predictions(paths, labels, labels, image_shape=(5, 6))
        assert_array_equal(pixels_drawn(display), ReadImages(size=(5, 6)).fit_transform(paths))


class TestTitles:
    """In the sizes that notebooks show: ten inches, at most six images in a row."""

    @pytest.mark.parametrize("n_images", [1, 12, 230])
    def test_can_be_read(self, n_images):
        names = ["Staffordshire_bullterrier", "German short-haired pointer", "soft-coated wheaten terrier"]
        y = np.arange(n_images) % 3
        display = PredictionDisplay.from_predictions(
            np.zeros((n_images, 4, 4)), y, (y + 1) % 3, np.ones(n_images), class_names=names
        )
        assert min(text.get_fontsize() for text in display.texts_) >= 9
        assert display.figure_.get_size_inches()[0] < 11
        assert len({image.get_extent()[0] for image in display.images_}) == min(n_images, 6)
        assert "…" not in "".join(text.get_text() for text in display.texts_)
