"""
Which module does a paragraph come from?
========================================

Scikit-learn's own documentation as text to be sorted: 6,000 paragraphs of docstrings, and the module that each is from.
Words become columns by TF-IDF, as a sparse matrix, which goes into a network as it is.
"""

# %%
# All paragraphs of one class or function are either for training or for the test, since some repeat each other.

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.utils.discovery import all_estimators, all_functions

from skdeep import DNNClassifier

rows = [
    (paragraph, item.__module__.split(".")[1], name)
    for name, item in [*all_estimators(), *all_functions()]
    for paragraph in re.split(r"\n\s*\n", inspect.getdoc(item) or "")
    if len(paragraph) > 80 and ">>>" not in paragraph
]
texts, modules, names = map(np.array, zip(*rows, strict=True))
counts = dict(zip(*np.unique(modules, return_counts=True), strict=True))
is_large = np.array([counts[module] >= 200 for module in modules])
X, y, groups = texts[is_large], modules[is_large], names[is_large]
train, test = next(GroupShuffleSplit(1, test_size=0.3, random_state=0).split(X, y, groups))

clf = make_pipeline(
    TfidfVectorizer(min_df=2, sublinear_tf=True), DNNClassifier(dropout=0.5, epochs=15, random_state=0)
).fit(X[train], y[train])
print(f"{len(train)} paragraphs, {len(clf[0].vocabulary_)} words, accuracy {clf.score(X[test], y[test]):.2f}")

# %%
# What is taken for what, and the words that speak most for a module: those of which a paragraph of that word alone has
# the highest probability.

figure, axes = plt.subplots(1, 2, figsize=(13, 6), layout="constrained", width_ratios=(3, 2))
ConfusionMatrixDisplay.from_estimator(
    clf, X[test], y[test], normalize="true", values_format=".0%", xticks_rotation=60, colorbar=False, ax=axes[0]
)
words = clf[0].get_feature_names_out()
of_word = clf.predict_proba(words)
best = [words[np.argsort(-of_word[:, n])[:5]] for n in range(len(clf.classes_))]
axes[1].axis("off")
for n, (module, five) in enumerate(zip(clf.classes_, best, strict=True)):
    axes[1].text(0, 1 - (n + 0.5) / len(best), f"{module}: {', '.join(five)}", fontsize=11)
plt.show()

# %%
# Four of five paragraphs are recognised, out of ten modules. What is about data in general, such as preprocessing, is
# found hardest.
#
# :doc:`../guide/text` has more, such as the order of words by an embedding.
