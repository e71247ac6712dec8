"""
When does early stopping stop?
==============================

With ``early_stopping=True`` a tenth of the rows is set aside, and training ends when their loss has not improved for
``n_iter_no_change`` epochs. The weights of the best epoch are put back in any case.
"""

# %%
# The same network with three degrees of patience; 300 epochs are the most it may take.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from skdeep import DNNClassifier, ZScore
from skdeep.plotting import plot_loss

X, y = load_breast_cancer(return_X_y=True)
X = ZScore(axis=0).fit_transform(X)

# %%
# The dot is the best epoch, whose weights the network has in the end; the curves end where training stopped.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharex=True, sharey=True, layout="constrained")
for ax, patience in zip(axes, [2, 10, 50], strict=True):
    clf = DNNClassifier(dropout=0, epochs=300, early_stopping=True, n_iter_no_change=patience, random_state=0)
    clf.fit(X, y)
    plot_loss(clf, ax=ax)
    ax.plot(clf.best_epoch_, clf.history_["val_loss"][clf.best_epoch_ - 1], "o", color="C0")
    ax.set(
        yscale="log",
        title=f"n_iter_no_change={patience}\nbest epoch {clf.best_epoch_}, stopped after {clf.n_iter_}",
    )
plt.show()

# %%
# The best epoch is the 14th each time, so that the three networks end with the same weights. More patience only took
# longer: from there on the training loss falls and the validation loss rises. Where a validation curve goes up and down
# for long, more patience may find a better epoch.
