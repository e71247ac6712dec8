"""
Pictures that nobody took
=========================

A digit that is moved a little is the same digit. A network that sees other versions of its few pictures in each epoch
learns that, without a single further picture.
"""

# %%
# One hundred images to learn from, the same network with and without ``augment``. Keras's random layers are given by
# name or as objects; they work in training only, and are part of the network.

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdeep import CNNClassifier, ScaleToUnit
from skdeep.plotting import ImageGridDisplay

digits = load_digits()
X = ScaleToUnit().fit_transform(digits.images)
X_train, X_test, y_train, y_test = train_test_split(X, digits.target, train_size=100, random_state=0)
move = keras.layers.RandomTranslation(0.15, 0.15, fill_mode="constant", interpolation="nearest")
settings = {"conv_filters": (32, 64), "epochs": 120, "learning_rate": "one_cycle", "learning_rate__max": 0.003}
networks = {
    "as they are": CNNClassifier(**settings, random_state=0),
    "moved": CNNClassifier(**settings, augment=move, random_state=0),
}
for clf in networks.values():
    clf.fit(X_train, y_train, X_val=X_test, y_val=y_test)

# %%
# Six versions of one picture, as the second network sees it.

pictures = [X_train[0], *(np.asarray(move(X_train[:1, ..., np.newaxis], training=True))[0, ..., 0] for _ in range(5))]
ImageGridDisplay(np.array(pictures), titles=["original", *["moved"] * 5]).plot(n_columns=6)
plt.show()

# %%
# The accuracy on the 1,697 other images.

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for name, clf in networks.items():
    ax.plot(clf.history_["val_accuracy"], label=f"{name}: {clf.history_['val_accuracy'][-1]:.3f}")
ax.set(xlabel="epoch", ylabel="accuracy on other images", ylim=(0.7, 1))
ax.legend(loc="lower right")
plt.show()
