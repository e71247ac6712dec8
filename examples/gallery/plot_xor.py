"""
Why does a network need a hidden layer?
=======================================

XOR is the smallest task that a network without a hidden layer cannot learn: two classes in opposite corners, which no
straight line parts. Here are two clouds of points for each class, and what networks with none, one and two hidden
layers make of them.
"""

# %%
# The points: class 1 where exactly one coordinate is positive.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.inspection import DecisionBoundaryDisplay

from skdeep import DNNClassifier

rng = np.random.default_rng(0)
corners = np.array([[-1, -1], [1, 1], [-1, 1], [1, -1]])
X = np.repeat(corners, 50, axis=0) + rng.normal(scale=0.35, size=(200, 2))
y = np.repeat([0, 0, 1, 1], 50)

# %%
# The colour is the probability of class 1, blue for 0 and red for 1.

figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True, layout="constrained")
for ax, layers in zip(axes, [(), (16,), (16, 16)], strict=True):
    clf = DNNClassifier(layers, dropout=0, learning_rate=0.01, epochs=100, random_state=0).fit(X, y)
    DecisionBoundaryDisplay.from_estimator(
        clf,
        X,
        response_method="predict_proba",
        class_of_interest=1,
        plot_method="pcolormesh",
        ax=ax,
        cmap="coolwarm",
        vmin=0,
        vmax=1,
        alpha=0.6,
    )
    ax.scatter(*X.T, c=y, cmap="coolwarm", edgecolors="white", s=25)
    ax.set(title=f"hidden_layer_sizes={layers}\naccuracy {clf.score(X, y):.2f}", aspect="equal")
plt.show()

# %%
# Without a hidden layer the border between the classes can only be a straight line: accuracy ends near one half, and
# every point gets a probability of about one half. One hidden layer of 16 units parts the clouds. A second one does not
# do better on these points; its border is sharper.
