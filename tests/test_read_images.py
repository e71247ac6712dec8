"""ReadImages: what it takes, sizes and modes, errors, how often files are read, and its use in scikit-learn."""

import gc
import io
import pathlib
import pickle
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks, get_tags

from skdeep import DNNClassifier, Flatten, ReadImages, ScaleToUnit
from skdeep.preprocessing import _read_images

PROPERTY = settings(max_examples=40, deadline=None)
GREY, COLOUR = ["1", "L", "LA", "I;16"], ["P", "RGB", "RGBA"]


def pixels_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def image_of(mode, height, width, seed=0):
    """Return a Pillow image of random pixels."""
    if mode == "I;16":
        return Image.fromarray(pixels_of(height, width, seed=seed).astype(np.uint16) * 257)
    return Image.fromarray(pixels_of(height, width, 3, seed=seed)).convert(mode)


def eight_bits(image, mode):
    """Return what Pillow makes of an image, but 16 bits to 8 by the high ones, as all of them are multiples of 257."""
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    return image.convert(mode)


def file_of(path):
    return io.BytesIO(pathlib.Path(path).read_bytes())


def png(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    file.seek(0)
    return file


@pytest.fixture
def paths(tmp_path):
    """Return twelve paths of PNG files of 6 x 5 pixels in colour."""
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    for i, path in enumerate(paths):
        image_of("RGB", 6, 5, seed=i).save(path)
    return paths


@pytest.fixture
def stack():
    """Return what is in the files of `paths`."""
    return np.array([np.asarray(image_of("RGB", 6, 5, seed=i)) for i in range(12)])


@pytest.fixture
def opened(monkeypatch):
    """Return the list of what Pillow opens from now on."""
    opened, pillow_open = [], Image.open
    monkeypatch.setattr(Image, "open", lambda file: opened.append(file) or pillow_open(file))
    return opened


# What it takes


KINDS = {
    "list": list,
    "tuple": tuple,
    "string array": np.array,
    "object array": lambda paths: np.array(paths, dtype=object),
    "string column": lambda paths: np.array(paths)[:, np.newaxis],
    "Path list": lambda paths: [pathlib.Path(path) for path in paths],
    "Path array": lambda paths: np.array([pathlib.Path(path) for path in paths]),
    "Series": lambda paths: pd.Series(paths, index=range(100, 112)),
    "object Series": lambda paths: pd.Series(paths, dtype=object),
    "category Series": lambda paths: pd.Series(paths, dtype="category"),
    "DataFrame": lambda paths: pd.DataFrame({"read": paths}),
    "file objects": lambda paths: [file_of(path) for path in paths],
    "Pillow images": lambda paths: [Image.open(file_of(path)).convert("RGB") for path in paths],
    "Pillow images not yet read": lambda paths: [Image.open(file_of(path)) for path in paths],
    "arrays": lambda paths: [np.asarray(Image.open(file_of(path))) for path in paths],
    "stack": lambda paths: np.array([np.asarray(Image.open(file_of(path))) for path in paths]),
    "mixed": lambda paths: [paths[0], pathlib.Path(paths[1]), file_of(paths[2]), *paths[3:]],
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_images_come_in_many_ways(kind, paths, stack):
    X = kind(paths)
    read = ReadImages().fit(X)
    assert (read.image_shape_, read.mode_) == ((6, 5), "RGB")
    assert_array_equal(read.transform(X), stack, strict=True)
    assert_array_equal(ReadImages().fit_transform(X), stack, strict=True)


@pytest.mark.parametrize(
    "shape, shape_out",
    [((3, 7, 4), (3, 7, 4)), ((3, 7, 4, 1), (3, 7, 4)), ((3, 7, 4, 3), (3, 7, 4, 3)), ((3, 7, 4, 4), (3, 7, 4, 3))],
    ids=str,
)
def test_stack_of_arrays_with_any_channels(shape, shape_out):
    X = pixels_of(*shape)
    expected = X[tuple(slice(length) for length in shape_out)].reshape(shape_out)
    for images in (X, list(X), np.asfortranarray(X), X[::-1][::-1]):
        assert_array_equal(ReadImages().fit_transform(images), expected, strict=True)


def test_file_object_is_read_from_its_position_put_back_and_left_open():
    file = io.BytesIO(b"header" + png(image_of("L", 3, 4)).read())
    file.seek(6)
    for _ in range(2):
        assert_array_equal(ReadImages().fit([file]).transform([file])[0], np.asarray(image_of("L", 3, 4)))
        assert file.tell() == 6
    assert not file.closed


def test_file_object_that_cannot_seek_is_read_once():
    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise io.UnsupportedOperation

    files = [Stream(png(image_of("L", 3, 4, seed=i)).read()) for i in range(3)]
    expected = [np.asarray(image_of("L", 3, 4, seed=i)) for i in range(3)]
    assert_array_equal(ReadImages().fit_transform(files), expected)


def test_the_same_image_many_times_read_by_threads(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    image = image_of("RGB", 400, 300)
    X_out = ReadImages().fit_transform([png(image)] * 20 + [Image.open(png(image))] * 20)
    assert_array_equal(X_out, np.broadcast_to(np.asarray(image), (40, 400, 300, 3)))


def test_images_of_the_caller_never_change():
    image, array = image_of("P", 8, 9), pixels_of(8, 9)
    image.info["transparency"] = bytes(256)
    before = image.tobytes(), array.copy()
    ReadImages(size=4).fit_transform([image, array])
    assert (image.mode, image.size, image.info["transparency"]) == ("P", (9, 8), bytes(256))
    assert image.tobytes() == before[0]
    assert_array_equal(array, before[1])


# Sizes


@PROPERTY
@given(
    images=st.lists(
        st.tuples(st.sampled_from(GREY + COLOUR), st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=8
    ),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    mode=st.sampled_from(["L", "RGB"]),
)
def test_every_image_is_converted_and_resized_as_pillow_does_it(images, size, mode):
    X = [image_of(*image, seed=i) for i, image in enumerate(images)]
    expected = [np.asarray(eight_bits(x, mode).resize(size[::-1], Image.Resampling.BILINEAR)) for x in X]
    read = ReadImages(size=size, mode=mode)
    assert_array_equal(read.fit_transform([png(x) for x in X]), expected, strict=True)
    assert (read.image_shape_, read.mode_) == (size, mode)
    assert_array_equal(read.transform(X), expected, strict=True)


@pytest.mark.parametrize("size", [(2, 3), [2, 3], np.array([2, 3])], ids=repr)
def test_size_is_height_and_width(size):
    wide = np.zeros((20, 30), np.uint8)
    wide[:, 15:] = 255
    assert_array_equal(ReadImages(size=size).fit_transform([wide])[0] > 200, [[False, False, True]] * 2)


def test_size_of_an_int_is_a_square():
    assert ReadImages(size=7).fit_transform([pixels_of(3, 9), pixels_of(9, 3)]).shape == (2, 7, 7)


def test_without_size_the_first_image_in_fit_tells(paths):
    wrong = Image.fromarray(pixels_of(5, 6, 3))
    read = ReadImages().fit([*paths, wrong])
    message = r"has \(height, width\) \(5, 6\), but ReadImages is expecting \(6, 5\), that of the first image in fit"
    for call in (read.transform, clone(read).fit_transform):
        with pytest.raises(ValueError, match=r"X\[12\] " + message):
            call([*paths, wrong, pixels_of(7, 7)])
    wrong.save(paths[3])
    with pytest.raises(ValueError, match=re.escape(repr(paths[3])) + " " + message):
        read.transform(paths)


@pytest.mark.parametrize("size", [(2,), (2, 3, 3), (2, 0), (2, -1), (2, 3.0), ("2", "3")], ids=str)
def test_bad_size_is_named(size):
    for call in (ReadImages(size=size).fit, ReadImages(size=size).fit_transform):
        with pytest.raises(ValueError, match=rf"size must be None, a positive int.*Got {re.escape(repr(size))}"):
            call([pixels_of(3, 3)])


@pytest.mark.parametrize(
    "params", [{"size": 0}, {"size": 2.0}, {"size": "2"}, {"mode": "RGBA"}, {"mode": "l"}], ids=str
)
def test_parameter_of_another_kind_is_named(params):
    for call in (ReadImages(**params).fit, ReadImages(**params).fit_transform):
        with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of ReadImages must be"):
            call([pixels_of(3, 3)])


# Modes


@PROPERTY
@given(modes=st.lists(st.sampled_from(GREY + COLOUR), min_size=1, max_size=12), seed=st.integers(0, 1000))
def test_without_mode_it_is_colour_if_one_image_is(modes, seed):
    X = [image_of(mode, 4, 3, seed=seed + i) for i, mode in enumerate(modes)]
    mode = "RGB" if set(modes) & set(COLOUR) else "L"
    expected = np.array([np.asarray(eight_bits(x, mode)) for x in X])
    at_once, apart = ReadImages(), ReadImages().fit([png(x) for x in X])
    assert_array_equal(at_once.fit_transform([png(x) for x in X]), expected, strict=True)
    assert_array_equal(apart.transform([png(x) for x in X]), expected, strict=True)
    assert (at_once.mode_, at_once.image_shape_) == (apart.mode_, apart.image_shape_) == (mode, (4, 3))


def test_mode_learned_in_fit_stays():
    grey, colour = pixels_of(4, 3), pixels_of(4, 3, 3)
    assert ReadImages().fit([grey]).transform([colour]).shape == (1, 4, 3)
    assert_array_equal(ReadImages().fit([colour]).transform([grey])[0], np.repeat(grey[..., np.newaxis], 3, axis=2))


def test_greyscale_of_16_bits_is_divided_by_257(tmp_path):
    values = np.array([[0, 128, 129, 257, 1000], [32768, 40000, 65406, 65407, 65535]], dtype=np.uint16)
    expected = np.round(values / 257).astype(np.uint8)
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
    # By hand: before Pillow 11 it reads such files, but does not write them.
    (tmp_path / "a.pgm").write_bytes(b"P5\n5 2\n65535\n" + values.astype(">u2").tobytes())
    X = [*tmp_path.iterdir(), Image.fromarray(values), Image.fromarray(values.astype(">u2"))]
    X.append(Image.fromarray(values.astype(np.int32)))
    read = ReadImages()
    assert_array_equal(read.fit_transform(X), [expected] * 6, strict=True)
    assert read.mode_ == "L"


@pytest.mark.parametrize(
    "pixels", [np.float32([[0.5]]), np.int32([[65536]]), np.int32([[-1]])], ids=["F", "large", "-"]
)
def test_pixels_that_are_no_8_or_16_bits_are_an_error(pixels, tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(pixels).save(path)
    with pytest.raises(
        ValueError, match=r"Cannot read '.*a\.tif': its pixels \(mode [IF]\) must be ints of 8 or 16 bits"
    ):
        ReadImages().fit_transform([path])


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_dropped(mode):
    image = image_of(mode, 4, 4)
    image.putalpha(0)
    expected = image.convert("L" if mode == "LA" else "RGB")
    assert_array_equal(ReadImages().fit_transform([image])[0], np.asarray(expected))


@pytest.mark.parametrize("transparency", [0, bytes([0, 128, 255])], ids=["one", "many"])
def test_transparency_of_a_palette_is_dropped_in_silence(transparency):
    image = image_of("P", 4, 4)
    file = png(image, transparency=transparency)
    assert_array_equal(ReadImages().fit_transform([file])[0], np.asarray(image.convert("RGB")))
    assert_array_equal(ReadImages(mode="L").fit_transform([file])[0], np.asarray(image.convert("L")))


# What is in files


@pytest.mark.parametrize(
    "orientation, upright",
    [
        (1, lambda a: a),
        (2, np.fliplr),
        (3, lambda a: np.rot90(a, 2)),
        (4, np.flipud),
        (5, np.transpose),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).T),
        (8, np.rot90),
    ],
)
def test_exif_orientation_is_applied(orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    X = [png(image_of("L", 4, 3), exif=exif), Image.open(png(image_of("L", 4, 3), exif=exif))]
    expected = upright(np.asarray(image_of("L", 4, 3)))
    read = ReadImages().fit(X)
    assert read.image_shape_ == expected.shape
    assert_array_equal(read.transform(X), [expected] * 2)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp", "ppm", "jpg"])
def test_formats(suffix, tmp_path):
    image = Image.fromarray(np.full((8, 8, 3), (200, 100, 50), dtype=np.uint8))
    image.save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    X_out = ReadImages().fit_transform([tmp_path / f"a.{suffix}"])
    assert np.abs(X_out[0].astype(int) - (200, 100, 50)).max() <= 2


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("suffix", ["gif", "tif", "png", "webp"])
def test_of_several_frames_the_first_is_read(suffix, tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("white", "red", "blue")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert_array_equal(ReadImages(mode="RGB").fit_transform([tmp_path / f"a.{suffix}"])[0], np.full((4, 4, 3), 255))
    gc.collect()  # a file that is left open warns when it is collected


# Errors


def test_missing_file_is_named(paths):
    paths[4] = "no such folder/4.png"
    for call in (ReadImages().fit(paths[:1]).transform, ReadImages().fit_transform):
        with pytest.raises(FileNotFoundError, match=r"Cannot read 'no such folder/4\.png': .*No such file"):
            call(paths)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("content", [b"", b"text", "half"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
def test_broken_file_is_named(content, suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    image_of("RGB", 64, 64).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    good = pixels_of(64, 64, 3)
    for X, name in [
        ([good, path], repr(str(path))),
        ([good, str(path)], repr(str(path))),
        ([good, file_of(path)], "X[1]"),
    ]:
        with pytest.raises(ValueError, match=f"Cannot read {re.escape(name)}: .") as info:
            ReadImages(size=8).fit_transform(X)
        assert isinstance(info.value.__cause__, Exception)
    gc.collect()


def test_fit_names_a_broken_file(paths):
    pathlib.Path(paths[0]).write_bytes(b"text")
    for params in ({"mode": "L"}, {"size": 3}, {}):
        with pytest.raises(ValueError, match=re.escape(f"Cannot read {paths[0]!r}: cannot identify image file")):
            ReadImages(**params).fit(paths)
    assert not hasattr(ReadImages(size=3, mode="L").fit(paths), "n_features_in_")


def test_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=re.escape(f"Cannot read {str(tmp_path)!r}: ")):
        ReadImages().fit_transform([tmp_path])


@pytest.mark.parametrize(
    "item, cause",
    [
        (b"a.png", "images must be paths, binary files, Pillow images or numpy arrays, not bytes"),
        (None, "images must be paths.*, not NoneType"),
        (np.nan, "images must be paths.*, not float"),
        ([[1, 2], [3, 4]], "images must be paths.*, not list"),
        (io.StringIO("text"), "a bytes-like object is required, not 'str'"),
        (io.BytesIO(), "there is nothing after the file's position"),
        (np.zeros((4, 3)), r"arrays must be of uint8 and of shape \(height, width\).*not float64 and \(4, 3\)"),
        (np.zeros((4, 3), np.uint16), "arrays must be of uint8.*not uint16"),
        (np.zeros((4, 3, 2), np.uint8), r"arrays must be.*not uint8 and \(4, 3, 2\)"),
        (np.zeros(4, np.uint8), r"arrays must be.*not uint8 and \(4,\)"),
        (np.zeros((0, 3), np.uint8), "it has no pixels"),
        (Image.new("RGB", (0, 3)), "it has no pixels"),
    ],
)
def test_item_that_is_no_image_is_named(item, cause, paths):
    with pytest.raises(ValueError, match=rf"Cannot read X\[2\]: {cause}"):
        ReadImages(size=4).fit_transform([*paths[:2], item])


@pytest.mark.parametrize(
    "single",
    ["a.png", pathlib.Path("a.png"), np.str_("a.png"), Image.new("L", (2, 2)), io.BytesIO()],
    ids=["str", "Path", "numpy string", "Pillow image", "file object"],
)
def test_single_image_has_to_be_in_a_list(single):
    for call in (ReadImages().fit, ReadImages().fit_transform, ReadImages().fit([pixels_of(2, 2)]).transform):
        with pytest.raises(
            ValueError, match=r"X must hold any number of images\. Got .*: put a single one into a list"
        ):
            call(single)


@pytest.mark.parametrize(
    "X, message",
    [
        (np.zeros((5, 4)), r"an array of uint8.*Got dtype float64 and shape \(5, 4\)"),
        (np.zeros((5, 4), np.uint8), r"an array of uint8.*Got dtype uint8 and shape \(5, 4\)"),
        (np.zeros((5, 4, 3)), r"an array of uint8.*Got dtype float64 and shape \(5, 4, 3\)"),
        (np.zeros((5, 4, 3), np.int64), r"an array of uint8.*Got dtype int64 and shape \(5, 4, 3\)"),
        (np.zeros(5), r"X must be one column of images.*Got dtype float64 and shape \(5,\)"),
        (np.array("a.png"), r"X must be one column of images.*shape \(\)"),
        (pd.DataFrame({"a": ["a.png"], "b": ["b.png"]}), r"X must be one column of images.*shape \(1, 2\)"),
        (pd.Series([1, 2]), r"X must be one column of images.*Got dtype int64 and shape \(2,\)"),
        ({"a.png"}, r"X must be a list, tuple, array or pandas Series of images\. Got set"),
        (iter(["a.png"]), "X must be a list.*Got list_iterator"),
        (None, "X must be a list.*Got NoneType"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_x_that_holds_no_images_is_an_error_that_says_what_is_allowed(X, message):
    for call in (ReadImages().fit, ReadImages().fit_transform, ReadImages().fit([pixels_of(2, 2)]).transform):
        with pytest.raises(ValueError, match=message):
            call(X)


@pytest.mark.parametrize(
    "X", [[], (), np.array([]), pd.Series([], dtype=str), pd.DataFrame({"path": []}), np.zeros((0, 4, 4), np.uint8)]
)
def test_no_images_are_an_error(X):
    for call in (ReadImages().fit, ReadImages().fit_transform, ReadImages().fit([pixels_of(2, 2)]).transform):
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\) while a minimum of 1 is required"):
            call(X)


def test_transform_before_fit():
    with pytest.raises(NotFittedError):
        ReadImages(size=4, mode="L").transform([pixels_of(2, 2)])


def test_limits_of_pillow_against_decompression_bombs_hold(paths, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.warns(Image.DecompressionBombWarning, match=r"Image size \(30 pixels\)"):
        ReadImages().fit_transform(paths)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match=re.escape(repr(paths[0])) + ".*decompression bomb"):
        ReadImages().fit_transform(paths)


# How often files are read, and how many at a time


def test_fit_reads_as_little_as_it_can(paths, opened):
    ReadImages(size=4, mode="L").fit(paths)
    assert opened == []
    ReadImages(mode="RGB").fit(paths)
    assert opened == paths[:1]
    opened.clear()
    ReadImages(size=4).fit(paths)
    assert opened == paths[:1]


def test_fit_transform_and_transform_read_every_file_once(paths, opened):
    for params in ({}, {"size": 4}, {"mode": "L"}, {"size": 4, "mode": "L"}):
        opened.clear()
        read = ReadImages(**params)
        read.fit_transform(paths)
        assert sorted(opened) == sorted(paths)
        opened.clear()
        read.transform(paths)
        assert sorted(opened) == sorted(paths)


@pytest.mark.parametrize("n_cores", [1, 2, 64])
def test_any_number_of_cores_reads_the_same_and_few_files_ahead(n_cores, paths, stack, opened, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: n_cores)
    assert_array_equal(ReadImages().fit_transform(paths * 50), np.tile(stack, (50, 1, 1, 1)))
    opened.clear()
    decoded = _read_images._decode_all(paths * 50, None, None)
    next(decoded)
    decoded.close()
    assert len(opened) <= 2 * min(8, n_cores) + 1


def test_the_first_error_stops_the_reading_of_the_rest(paths, opened):
    with pytest.raises(FileNotFoundError, match=r"'first\.png'"):
        ReadImages().fit_transform([*paths, "first.png", *paths * 50, "second.png"])
    assert len(opened) < 50


# In scikit-learn

# scikit-learn's other checks fit tables of numbers, and it skips them all for an estimator that takes none.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_estimators_unfitted,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_transformers_unfitted,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_fit1d,
    estimator_checks.check_param_validation,
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SkipTestWarning)
    # A list: scikit-learn 1.9.0 has a generator, of which the warning would come later.
    TABLE_CHECKS = list(estimator_checks.estimator_checks_generator(ReadImages(), mark="xfail"))


@pytest.mark.parametrize("estimator, check", TABLE_CHECKS)
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_scikit_learn_estimator_checks_that_need_no_table(check):
    check("ReadImages", ReadImages())


def test_tags_say_that_tables_of_numbers_are_not_taken():
    tags = get_tags(ReadImages()).input_tags
    assert (tags.string, tags.two_d_array, tags.three_d_array) == (True, False, True)


def test_fit_returns_self_learns_anew_and_leaves_the_parameters(paths):
    read = ReadImages()
    assert read.fit(paths, y=range(12)) is read
    assert read.fit([pixels_of(2, 3)]).image_shape_ == (2, 3)
    assert read.mode_ == "L"
    assert read.get_params() == {"size": None, "mode": None}


@pytest.mark.parametrize("copy", [lambda read: pickle.loads(pickle.dumps(read)), None], ids=["pickle", "joblib"])
def test_pickle_keeps_what_was_learnt_and_clone_drops_it(copy, paths, tmp_path):
    read = ReadImages(size=(4, 3)).fit(paths)
    if copy is None:
        joblib.dump(read, tmp_path / "read.joblib")
        loaded = joblib.load(tmp_path / "read.joblib")
    else:
        loaded = copy(read)
    assert_array_equal(loaded.transform(paths), read.transform(paths), strict=True)
    assert set(vars(clone(read))) == {"size", "mode"}
    assert clone(read).size == (4, 3)


@pytest.fixture
def labelled(tmp_path):
    """Return paths of PNG and JPEG files of many sizes, and the side on which each is bright."""
    rng = np.random.default_rng(0)
    y = np.repeat(["left", "right"], 20)
    paths = []
    for i, label in enumerate(y):
        height, width = rng.integers(10, 40, 2)
        pixels = rng.integers(0, 100, (height, width, 3))
        pixels[:, : width // 2] += 155
        if label == "right":
            pixels = pixels[:, ::-1]
        paths.append(str(tmp_path / f"{i}.{'png' if i % 2 else 'jpg'}"))
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths, y


def test_pipeline_from_paths_to_classes(labelled):
    paths, y = labelled
    clf = DNNClassifier((16,), epochs=20, learning_rate=0.02, random_state=0)
    pipe = make_pipeline(ReadImages(size=(28, 28), mode="L"), Flatten(), ScaleToUnit(), clf)
    assert "ReadImages" in pipe._repr_html_()
    assert cross_val_score(pipe, paths, y, cv=3).min() > 0.9
    pipe.fit(paths, y)
    assert_array_equal(pipe.predict(pd.Series(paths)), pipe.predict(paths))
    assert pipe.score(paths, y) > 0.9


@pytest.mark.slow
def test_search_over_size_and_mode_with_two_threads(labelled):
    paths, y = labelled
    clf = DNNClassifier((4,), epochs=2, random_state=0)
    grid = {"readimages__size": [4, (4, 6)], "readimages__mode": [None, "L"]}
    search = GridSearchCV(make_pipeline(ReadImages(), Flatten(), clf), grid, cv=2, n_jobs=2, error_score="raise")
    with joblib.parallel_config("threading"):
        search.fit([Image.open(file_of(path)) for path in paths], y)
    assert search.best_estimator_[0].image_shape_ in [(4, 4), (4, 6)]


@pytest.mark.parametrize("column", ["path", ["path"]], ids=str)
def test_column_of_a_data_frame(column, paths, stack):
    frame = pd.DataFrame({"path": paths, "age": np.arange(12.0)})
    columns = ColumnTransformer(
        [("image", make_pipeline(ReadImages(), Flatten()), column), ("age", "passthrough", ["age"])]
    )
    X_out = columns.fit_transform(frame)
    assert_array_equal(X_out, np.column_stack([stack.reshape(12, -1), frame["age"]]))
    assert_array_equal(columns.transform(frame[::-1]), X_out[::-1])


def test_a_pipeline_that_ends_in_flat_rows_gives_tables(paths, stack):
    pipeline = make_pipeline(ReadImages(), Flatten()).set_output(transform="pandas")
    table = pipeline.fit_transform(paths)
    assert isinstance(table, pd.DataFrame)
    assert_array_equal(table.to_numpy(), stack.reshape(len(stack), -1))
