"""Measure what n_jobs=2 gains in a search of 27 small fits, by backend and by what trains.

    python benchmarks/n_jobs.py             # the table of docs/scaling.md: about 25 minutes on two cores
    python benchmarks/n_jobs.py --rounds 1
    python benchmarks/n_jobs.py --only "n_jobs=2 loky"

Each row is a fresh process that searches three times: at first with nothing imported or started ("cold"), then, in
another process, after a search over another network has imported wherever the fits run what they need ("imported"),
and once more ("again"), when programs of TensorFlow are traced, too. The table has the medians of the rounds, whose
rows take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

# Backend, n_jobs, pre_dispatch of the search, size of the pool of programs in this process
CASES = {
    "n_jobs=1": ("loky", 1, "2*n_jobs", 6),
    "n_jobs=2 loky": ("loky", 2, "2*n_jobs", 6),
    'n_jobs=2 loky, pre_dispatch="all"': ("loky", 2, "all", 6),
    "n_jobs=2 threading": ("threading", 2, "2*n_jobs", 6),
    "n_jobs=2 threading, set_size(12)": ("threading", 2, "2*n_jobs", 12),
}
# By what trains: an optimizer for which it does, and the environment
TRAINERS = {
    "NumPy": ("adam", {}),
    "TensorFlow": ("nadam", {}),
    "TensorFlow, TF_NUM_INTRAOP_THREADS=1": ("nadam", {"TF_NUM_INTRAOP_THREADS": "1"}),
}
STATES = ("cold", "imported", "again")


def search(hidden_layer_sizes, epochs, pre_dispatch, optimizer):
    """Return how many seconds a grid search takes."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV

    from skdeep import DNNClassifier

    X, y = load_digits(return_X_y=True)
    grid = {"hidden_layer_sizes": hidden_layer_sizes, "dropout": [0.0, 0.2, 0.4]}
    clf = DNNClassifier(optimizer=optimizer, epochs=epochs, batch_size=32, random_state=0)
    began = time.perf_counter()
    GridSearchCV(clf, grid, cv=3, refit=False, pre_dispatch=pre_dispatch).fit(X / 16, y)
    return time.perf_counter() - began


def measure(case, optimizer, is_cold):
    """Return the seconds of the searches in this process, by state."""
    from joblib import parallel_config

    from skdeep import programs

    backend, n_jobs, pre_dispatch, pool = CASES[case]
    programs.set_size(pool)
    sizes = [(50,), (100,), (100, 50)]
    with parallel_config(backend, n_jobs=n_jobs):
        if is_cold:
            return {"cold": search(sizes, 10, pre_dispatch, optimizer)}
        search([(7,)], 1, pre_dispatch, optimizer)
        return {state: search(sizes, 10, pre_dispatch, optimizer) for state in STATES[1:]}


def in_fresh_process(case, trainer, is_cold):
    """Return what `measure` does in a process of its own."""
    optimizer, environment = TRAINERS[trainer]
    code = f"import n_jobs, json; print(json.dumps(n_jobs.measure({case!r}, {optimizer!r}, {is_cold})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=os.path.dirname(os.path.abspath(__file__)),
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main():
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured (default: 3)")
    parser.add_argument("--only", choices=list(CASES), help="only this case")
    args = parser.parse_args()
    rows = [(case, trainer) for trainer in TRAINERS for case in CASES if args.only in (None, case)]
    rows = [row for row in rows if row != ("n_jobs=2 threading, set_size(12)", "NumPy")]  # which has no programs
    seconds = {(*row, state): [] for row in rows for state in STATES}
    for number in range(args.rounds):
        for row in rows:
            for is_cold in (True, False):
                for state, value in in_fresh_process(*row, is_cold).items():
                    seconds[*row, state].append(value)
            figures = ", ".join(f"{state} {seconds[*row, state][-1]:.2f}" for state in STATES)
            print(f"round {number + 1}, {row[0]}, {row[1]}: {figures} (load {os.getloadavg()[0]:.1f})", file=sys.stderr)
    print(f"| search | trained by | {' | '.join(STATES)} |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} | {' | '.join(f'{statistics.median(seconds[*row, s]):.1f}' for s in STATES)} |")


if __name__ == "__main__":
    main()
