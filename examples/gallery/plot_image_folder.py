"""
From a folder of pictures to the mistakes of a network
======================================================

A folder for each class, with image files in it: what is in the pictures, and which ones does a network get wrong?
"""

# %%
# The folder is made here, of the digits of scikit-learn as PNG files; one of your own takes its place.

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdeep import CNNClassifier, ReadImages, ScaleToUnit
from skdeep.datasets import load_image_folder
from skdeep.plotting import PredictionDisplay

folder = Path(tempfile.mkdtemp())
for number, (image, digit) in enumerate(zip(*load_digits(return_X_y=True), strict=True)):
    path = folder / f"digit {digit}" / f"{number}.png"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray((image.reshape(8, 8) * 15).astype("uint8")).save(path)

# %%
# Paths go through the pipeline like any X: files are read when they are needed. The network sees each picture moved a
# little in each epoch, and its learning rate rises and falls once.

data = load_image_folder(folder)
X_train, X_test, y_train, y_test = train_test_split(data.filenames, data.target, random_state=0)
clf = make_pipeline(
    ReadImages(size=16, mode="L"),
    ScaleToUnit(),
    CNNClassifier(
        ((16, 16), (32, 32)),
        residual=True,
        batch_normalization=True,
        augment=keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
        learning_rate="one_cycle",
        learning_rate__max=0.01,
        epochs=10,
        random_state=0,
    ),
).fit(X_train, y_train)
print(f"{len(X_train)} pictures to learn from, accuracy on others {clf.score(X_test, y_test):.3f}")

# %%
# The pictures on which it is wrong, or nearly so: those with the least probability for what they are.

probability = clf.predict_proba(X_test)[range(len(y_test)), y_test]
hardest = probability.argsort()[:12]
PredictionDisplay.from_estimator(clf, X_test[hardest], y_test[hardest], class_names=dict(enumerate(data.target_names)))
plt.show()
