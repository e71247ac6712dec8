"""
What does the network get wrong?
================================

An accuracy of 98 % leaves the other 2 %. A look at them tells whether the network fails or the images do.
"""

# %%
# Train on three quarters of the digits. ``PredictionDisplay`` predicts the rest and draws the mistakes only.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdeep import DNNClassifier, Flatten, ScaleToUnit
from skdeep.plotting import PredictionDisplay

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(digits.images, digits.target, random_state=0)
clf = make_pipeline(Flatten(), ScaleToUnit(), DNNClassifier(epochs=30, random_state=0)).fit(X_train, y_train)
display = PredictionDisplay.from_estimator(clf, X_test, y_test, errors_only=True, n_columns=6)
plt.show()

# %%
# How many they are:

print(f"{len(display.indices_)} mistakes in {len(X_test)} images, accuracy {clf.score(X_test, y_test):.3f}")

# %%
# Some of them are hard to read by eye, too, such as the 1 with a long foot that was taken for a 6. In three of them the
# network gave its answer a probability of about one half or less. In four it was 0.79 or more: there the network was
# sure, and wrong.
