"""Draw the picture of the README: how a network learned, and what it gets wrong.

python examples/readme_picture.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdeep import DNNClassifier, Flatten, ScaleToUnit
from skdeep.plotting import PredictionDisplay, TrainingHistoryDisplay

PATH = Path(__file__).parents[1] / "docs" / "readme.png"


def main():
    """Fit the network and write the picture."""
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(digits.images, digits.target, random_state=0)
    dnn = DNNClassifier(epochs=40, validation_fraction=0.2, random_state=0)
    clf = make_pipeline(Flatten(), ScaleToUnit(), dnn).fit(X_train, y_train)

    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.4), width_ratios=[1, 1.25], layout="constrained", facecolor="white"
    )
    TrainingHistoryDisplay.from_estimator(clf, metrics="accuracy", ax=left)
    left.set_title("How it learned")
    n_mistakes = (clf.predict(X_test) != y_test).sum()
    PredictionDisplay.from_estimator(
        clf, X_test, y_test, errors_only=True, n_images=10, n_columns=5, cmap="gray_r", ax=right
    )
    right.set_title(f"What it gets wrong: ten of {n_mistakes} mistakes in {len(y_test)} digits", pad=12)
    figure.savefig(PATH, dpi=110)


if __name__ == "__main__":
    main()
