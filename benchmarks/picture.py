"""One picture of the results: how many times as long the other libraries take as skdeep."""

import statistics

import matplotlib.pyplot as plt
from works import MORE_IS_BETTER, WORKS

# The works that are shown, from the top.
SHOWN = (
    "fit-mnist",
    "fit-mnist-10",
    "grid-digits",
    "search-learning-rate",
    "widths",
    "cnn-mnist",
    "predict-one",
    "predict-many",
    "fresh-process",
    "alive",
)
# With markers that differ without colours, too.
LIBRARIES = {"scikit-learn": "o", "skorch": "s", "keras": "^", "keras.wrappers": "v", "scikeras": "D"}


def times(results):
    """Return how many times as long as skdeep each library takes, by work and library."""
    found = {}
    for name in SHOWN:
        figures = results.get(name, {}).get("figures", {})
        if "skdeep" not in figures:
            continue
        figure = WORKS[name].figures[0]
        medians = {library: statistics.median(each[figure] for each in rounds) for library, rounds in figures.items()}
        for library in LIBRARIES:
            if library in medians:
                ratio = medians[library] / medians["skdeep"]
                found.setdefault(name, {})[library] = 1 / ratio if figure in MORE_IS_BETTER else ratio
    return found


def draw(results, path):
    """Write the picture."""
    found = times(results)
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.42 * len(found)), layout="constrained")
    for library, marker in LIBRARIES.items():
        points = [(each[library], row) for row, each in enumerate(found.values()) if library in each]
        if points:
            axes.scatter(*zip(*points, strict=True), marker=marker, s=42, label=library, zorder=3)
    axes.axvline(1, color="black", linewidth=1.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("times as long as skdeep (right of the line: skdeep is quicker)")
    axes.set_yticks(range(len(found)), [WORKS[name].title for name in found])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.4)
    axes.grid(axis="y", alpha=0.15)
    figure.legend(loc="outside upper center", ncols=len(LIBRARIES), frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
