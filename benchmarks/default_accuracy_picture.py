"""One picture of benchmarks/default_accuracy.json: how much larger the errors are than the best, table by table."""

import json
from pathlib import Path

import default_accuracy
import matplotlib.pyplot as plt
from tables import TABLES

PICTURE = Path(__file__).parent.parent / "docs" / "default_accuracy.png"
MOST = 20  # percent: what is more stands at the edge
# With markers that differ without colours, too; from the back to the front.
MARKERS = {
    "linear": ("|", 90),
    "boosting": ("s", 36),
    "scikit-learn MLP": ("v", 36),
    "RealMLP_TD": ("D", 30),
    "skdeep DNN": ("o", 36),
    "skdeep Table": ("*", 170),
}


def main():
    results = json.loads(default_accuracy.FIGURES_OF_ALL.read_text())
    values = default_accuracy.values_of(results, "log_loss") | default_accuracy.values_of(results, "rmse")
    rows = [table for table in TABLES if table in values]
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.4 * len(rows)), layout="constrained")
    for name, (marker, size) in MARKERS.items():
        found = [(values[table][name], table) for table in rows if name in values[table]]
        excess = [min(MOST, 100 * (value / min(values[table].values()) - 1)) for value, table in found]
        axes.scatter(excess, [rows.index(table) for _, table in found], marker=marker, s=size, label=name, zorder=3)
    axes.set_xlabel(f"% more log loss, or root mean squared error, than the best ({MOST}: or more)")
    kinds = {table: "" if TABLES[table].is_regression else ", classes" for table in rows}
    axes.set_yticks(range(len(rows)), [table + kinds[table] + " *" * TABLES[table].is_set_aside for table in rows])
    axes.invert_yaxis()
    axes.grid(alpha=0.25)
    figure.legend(loc="outside upper center", ncols=len(MARKERS) // 2, frameon=False)
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
