"""Compare the classifiers with all their defaults to scikit-learn's `MLPClassifier` with all of its.

    python benchmarks/default_accuracy.py

Mean accuracy of 5-fold cross-validation, `StandardScaler` in front, over the random states 0, 1 and 2, on the tables
that scikit-learn ships. Prints a Markdown table.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as ScikitLearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import CNNClassifier, DNNClassifier, MLPClassifier

LOADERS = [load_iris, load_wine, load_breast_cancer, load_digits]
CLASSIFIERS = {
    "scikit-learn MLPClassifier": ScikitLearnMLPClassifier,
    "skdeep MLPClassifier": MLPClassifier,
    "skdeep DNNClassifier": DNNClassifier,
    "skdeep CNNClassifier": CNNClassifier,
}


def mean_accuracy(classifier, X, y):
    scores = [
        cross_val_score(
            make_pipeline(StandardScaler(), classifier(random_state=seed)),
            X,
            y,
            cv=StratifiedKFold(5, shuffle=True, random_state=seed),
        )
        for seed in range(3)
    ]
    return np.mean(scores)


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| data | " + " | ".join(CLASSIFIERS) + " |")
    print("|---|" + "---|" * len(CLASSIFIERS))
    for loader in LOADERS:
        X, y = loader(return_X_y=True)
        accuracies = [mean_accuracy(classifier, X, y) for classifier in CLASSIFIERS.values()]
        name = loader.__name__.removeprefix("load_")
        print(f"| {name} | " + " | ".join(f"{accuracy:.4f}" for accuracy in accuracies) + " |", flush=True)


if __name__ == "__main__":
    main()
