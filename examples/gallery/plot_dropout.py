"""
How much does dropout help against overfitting?
===============================================

A wide network learns its training rows by heart, the wrong ones included. Dropout switches off a random share of the
units in each training step, so that no unit can rely on another one.
"""

# %%
# 600 digits to train on, a fifth of them with a label drawn at random, and 1,197 with the right labels to validate on.
# ``X_val`` and ``y_val`` are only measured, never trained on.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdeep import DNNClassifier, ScaleToUnit
from skdeep.plotting import plot_accuracy

X, y = load_digits(return_X_y=True)
X = ScaleToUnit().fit_transform(X)
X_train, X_val, y_train, y_val = train_test_split(X, y, train_size=600, stratify=y, random_state=0)
rng = np.random.default_rng(0)
y_train[rng.choice(600, size=120, replace=False)] = rng.integers(10, size=120)

# %%
# Accuracy after each epoch.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
for ax, dropout in zip(axes, [0, 0.3, 0.6], strict=True):
    clf = DNNClassifier((256, 256), dropout=dropout, epochs=60, random_state=0)
    clf.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    plot_accuracy(clf, ax=ax)
    ax.set(ylim=(0.5, 1), title=f"dropout={dropout}: validation ends at {clf.history_['val_accuracy'][-1]:.3f}")
plt.show()

# %%
# Without dropout the training accuracy climbs to nearly 1, wrong labels included, while the validation accuracy falls
# from above 0.9 to 0.866. With ``dropout=0.6`` it stays where it was and ends at 0.939. The training accuracy is then
# lower than the validation accuracy for two reasons: a part of the training labels is wrong, and in training the units
# are switched off.
