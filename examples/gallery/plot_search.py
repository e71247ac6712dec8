"""
A search that soon drops what does not work
===========================================

Thirty-two networks for the handwritten digits, drawn at random. All are trained for two epochs, the better half for
four, the better half of these for eight, and so on: successive halving, with the epochs as the resource.
"""

# %%
# What is searched, in a pipeline: sizes of the layers, dropout, and the largest learning rate of a schedule that falls
# however many epochs there are. ``set_callbacks(ProgressBar())`` in front of ``fit`` would show how far the search is.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from skdeep import DNNClassifier, Flatten, ScaleToUnit

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(digits.images, digits.target, random_state=0)
network = DNNClassifier(learning_rate="one_cycle", random_state=0)
search = HalvingRandomSearchCV(
    make_pipeline(ScaleToUnit(), Flatten(), network),
    {
        "dnnclassifier__hidden_layer_sizes": [(32,), (128,), (64, 32), (128, 64)],
        "dnnclassifier__dropout": uniform(0, 0.6),
        "dnnclassifier__learning_rate__max": loguniform(1e-4, 1e-1),
    },
    n_candidates=32,
    resource="dnnclassifier__epochs",
    min_resources=2,
    max_resources=32,
    factor=2,
    cv=2,
    random_state=0,
).fit(X_train, y_train)
print(f"accuracy on the test images: {search.score(X_test, y_test):.3f}")

# %%
# Each point is a network after some epochs, with its mean score of two folds.

results = search.cv_results_
rates = [params["dnnclassifier__learning_rate__max"] for params in results["params"]]
epochs, scores = results["n_resources"], results["mean_test_score"]
figure, axes = plt.subplots(1, 2, figsize=(12, 4.5), sharey=True, layout="constrained")
axes[0].plot(epochs, scores, "o", alpha=0.4)
axes[0].set(xlabel="epochs", ylabel="accuracy")
axes[0].set_xscale("log", base=2)
points = axes[1].scatter(rates, scores, c=np.log2(epochs))
axes[1].set(xscale="log", xlabel="largest learning rate")
figure.colorbar(points, ax=axes[1], label="epochs, as a power of two")
plt.show()

# %%
# After two epochs it is plain which learning rates are too small, so that the long trainings are of good ones only: the
# search costs 320 epochs for each fold, where 32 for every network would be 1,024.
