"""
Can I trust the probabilities?
==============================

Of all the rows to which a network gives a probability of 0.8, about 80 % should be of that class. Then it is called
calibrated. A network that trains for long is often too sure of itself.
"""

# %%
# Two clouds that overlap, so that even the best classifier errs: 500 rows to train on, 5,000 to judge.

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdeep import DNNClassifier

X, y = make_classification(5500, n_features=10, n_informative=5, flip_y=0.2, class_sep=0.8, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=500, random_state=0)
classifiers = {
    "300 epochs": DNNClassifier(dropout=0, epochs=300, random_state=0),
    "early stopping": DNNClassifier(dropout=0, epochs=300, early_stopping=True, random_state=0),
}

# %%
# On the diagonal the probabilities are right.

figure, ax = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
for name, clf in classifiers.items():
    probability = clf.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    label = f"{name}: accuracy {clf.score(X_test, y_test):.3f}, log loss {log_loss(y_test, probability):.2f}"
    CalibrationDisplay.from_predictions(y_test, probability, n_bins=10, name=label, ax=ax)
ax.legend(loc="upper left")
plt.show()

# %%
# After 300 epochs the network is far too sure: of the rows to which it gives almost 0, nearly one in five is of class
# 1, and of those to which it gives almost 1, one in five is not. With early stopping the curve stays close to the
# diagonal; it is a little steeper, so the network is a little too cautious. Accuracy and log loss are better, too; the
# log loss, which judges the probabilities themselves, by far more.
