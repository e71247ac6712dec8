"""
What does a network know of digits it has never seen?
=====================================================

A small network learns the digits up to 4 from 900 images. Then it learns those from 5 on from a few of each: with
all layers but the last frozen, and in two stages, beside a network that starts from scratch.
"""

# %%
# The layers that go on, and a network with a last layer for whatever classes there are.

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit

from skdeep import KerasClassifier


def convolutions():
    image = keras.Input((8, 8))
    x = keras.layers.Reshape((8, 8, 1))(image)
    for number in (1, 2):
        x = keras.layers.Conv2D(32, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    return keras.Model(image, keras.layers.Dropout(0.5)(x), name="backbone")


def network(meta, backbone=None):
    image = keras.Input((8, 8))
    x = (convolutions() if backbone is None else backbone)(image)
    return keras.Model(image, keras.layers.Dense(meta["n_classes_"], activation="softmax", name="head")(x))


images, digits = load_digits().images / 16, load_digits().target
is_old = digits < 5
settings = {"optimizer": "adam", "learning_rate": 0.003, "batch_size": 16, "verbose": 0, "random_state": 0}
old = KerasClassifier(network, epochs=20, **settings).fit(images[is_old], digits[is_old])
backbone = old.model_.get_layer("backbone")

# %%
# Each trains for 40 epochs. In two stages the last of them are for the second convolution as well, with a smaller
# learning rate; the batch normalizations stay frozen.

ways = {
    "from scratch": KerasClassifier(network, epochs=40, **settings),
    "frozen": KerasClassifier(network, backbone=backbone, frozen_layers="backbone", epochs=40, **settings),
    "two stages": KerasClassifier(
        network,
        backbone=backbone,
        first_stage__frozen_layers="backbone",
        first_stage__epochs=30,
        frozen_layers=["conv_1", "*norm*"],
        epochs=10,
        **settings | {"learning_rate": 0.001},
        first_stage__learning_rate=0.003,
    ),
}
X, y = images[~is_old], digits[~is_old]
sizes = [1, 2, 5, 20]
scores = {name: [] for name in ways}
for n_rows in sizes:
    draws = list(StratifiedShuffleSplit(4, train_size=5 * n_rows, test_size=500, random_state=0).split(X, y))
    for name, clf in ways.items():
        scores[name].append([clf.fit(X[train], y[train]).score(X[test], y[test]) for train, test in draws])

# %%
# The lines are means of four draws of rows, the bands go from the least to the largest.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, of_sizes in scores.items():
    ax.plot(sizes, np.mean(of_sizes, axis=1), "o-", label=name)
    ax.fill_between(sizes, np.min(of_sizes, axis=1), np.max(of_sizes, axis=1), alpha=0.15)
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.set(xlabel="training rows of each digit", ylabel="accuracy on other rows", title="The digits from 5 on")
ax.legend(loc="lower right")
plt.show()

# %%
# With one or two images of a digit the layers that know other digits are ahead, by five points and by two. From five on
# it makes no difference: these images are so small that 25 of them are enough to learn from. The second stage changes
# little, for better or worse. What transfer brings depends on how much harder the layers are to learn than the head; so
# compare it with a start from scratch, as here.
