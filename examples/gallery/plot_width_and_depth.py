"""
How wide and deep should the network be?
========================================

Width is the number of units in a layer, depth the number of layers. A grid search tries all combinations.
"""

# %%
# Four widths times three depths, three folds each: 36 fits. The network takes width and depth as one tuple.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdeep import DNNClassifier, ScaleToUnit

X, y = load_digits(return_X_y=True)
widths, depths = [8, 16, 32, 64], [1, 2, 3]
search = GridSearchCV(
    make_pipeline(ScaleToUnit(), DNNClassifier(dropout=0, epochs=15, random_state=0)),
    {"dnnclassifier__hidden_layer_sizes": [(width,) * depth for depth in depths for width in widths]},
    cv=3,
).fit(X, y)

# %%
# Mean accuracy over the three folds.

scores = search.cv_results_["mean_test_score"].reshape(len(depths), len(widths))
figure, ax = plt.subplots(layout="constrained")
image = ax.imshow(scores, cmap="viridis")
for row, depth_scores in enumerate(scores):
    for column, score in enumerate(depth_scores):
        ax.text(column, row, f"{score:.3f}", ha="center", va="center", color="white" if score < 0.9 else "black")
ax.set(xlabel="units in a layer", ylabel="hidden layers", title="Accuracy in cross-validation on the digits")
ax.set_xticks(range(len(widths)), widths)
ax.set_yticks(range(len(depths)), depths)
figure.colorbar(image, shrink=0.7)
plt.show()

# %%
# Here width matters more than depth: in every row, more units are better. More layers help the widest network, by two
# points of accuracy, and harm the narrowest, by ten: eight units let too little through to the next layer. All networks
# had the same 15 epochs, so that those which learn slowly may be worth more than is seen here.
