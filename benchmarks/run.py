"""Measure skdeep and other libraries on the same work, and print medians and ratios.

    python benchmarks/run.py                                  # everything, three rounds: about an hour
    python benchmarks/run.py --work fit-mnist --rounds 5      # one work; the others keep their results
    python benchmarks/run.py --quick                          # does it run? prints only

Every measurement is a process of its own; the libraries take turns. Tables are printed and written to
docs/benchmarks.md, a picture of the main ones beside it, all single figures to results/benchmarks.json.
"""

import argparse
import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import environments
import numpy as np
import picture
import report
from works import WORKS

HERE = Path(__file__).parent
LIBRARIES = list(dict.fromkeys(library for work in WORKS.values() for library in work.libraries))
ENVIRONMENT = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}


class MeasurementError(Exception):
    """A process failed; holds what it wrote."""


def main():
    args = parse_args()
    # The temporary files, some of them large, are deleted then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    libraries = [library for library in args.libraries if library not in args.without]
    missing = {}
    is_asked = "skorch" in libraries and any("skorch" in WORKS[name].libraries for name in args.work)
    if is_asked and not environments.prepare("skorch"):
        missing = {"skorch": "its environment could not be made"}
    results_path = None if args.quick else args.results
    results = json.loads(results_path.read_text()) if results_path and results_path.exists() else {}
    failed = False
    for name in args.work:
        with tempfile.TemporaryDirectory(prefix="skdeep-benchmarks-") as folder:
            record = run_work(name, libraries, missing, Path(folder), args)
        failed |= record["failed"]
        print("\n" + report.section(name, record) + "\n", flush=True)
        if results_path:
            results[name] = record
            write(results_path, json.dumps(results, indent=1))
            write(args.output, report.markdown(results))
            picture.draw(results, args.output.with_suffix(".png"))
    return 1 if failed else 0


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", nargs="+", metavar="NAME", choices=WORKS, default=list(WORKS), help="only these works"
    )
    parser.add_argument(
        "--libraries", nargs="+", metavar="NAME", choices=LIBRARIES, default=LIBRARIES, help="only these libraries"
    )
    parser.add_argument(
        "--without", nargs="+", metavar="NAME", choices=LIBRARIES, default=[], help="not these libraries"
    )
    parser.add_argument("--rounds", type=int, help="rounds (default: 3, with --quick 1)")
    parser.add_argument("--epochs", type=int, help="epochs of " + ", ".join(n for n, w in WORKS.items() if w.epochs))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, only to try whether everything runs")
    parser.add_argument("--output", type=Path, default=HERE.parent / "docs" / "benchmarks.md", help="Markdown to write")
    parser.add_argument(
        "--results", type=Path, default=HERE.parent / "results" / "benchmarks.json", help="where figures are kept"
    )
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    return args


def run_work(name, libraries, missing, folder, args):
    """Run all rounds of one work and return what is kept of it."""
    work = WORKS[name]
    chosen = [library for library in work.libraries if library in libraries]
    left_out = {library: reason for library, reason in missing.items() if library in chosen}
    measured = {library: [] for library in chosen if library not in left_out}
    failed = False
    epochs = args.epochs or (work.quick if args.quick else {}).get("epochs") or work.epochs
    prepare_data(folder, work.data)
    for number in range(args.rounds):
        for library in rotated(list(measured), number):
            settings = work.settings.get(library, {}) | (work.quick if args.quick else {})
            settings |= {"epochs": epochs} if work.epochs else {}
            try:
                if work.prepared_by_library and number == 0:
                    measure(name, library, folder, number, settings, "--prepare")
                figures = measure(name, library, folder, number, settings)
            except MeasurementError as error:
                print(f"{name}: {library} failed\n{error}", file=sys.stderr, flush=True)
                left_out[library] = "it failed"
                del measured[library]
                failed = True
            else:
                measured[library].append(figures)
                print(f"{name}, round {number + 1}, {library}: {figures}", flush=True)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "versions": versions("skorch" in measured),
        "rounds": args.rounds,
        "epochs": epochs,
        "quick": args.quick,
        "failed": failed,
        "left_out": left_out,
        "figures": measured,
    }


def rotated(libraries, number):
    """Return the libraries in the order of one round."""
    start = number % max(1, len(libraries))
    return libraries[start:] + libraries[:start]


def measure(name, library, folder, seed, settings, *options):
    """Run one measurement in a fresh process and return its figures."""
    python = environments.python_of(library)
    if name == "import":
        command = [python, HERE / "measure_import.py", library]
    elif name == "fresh-process" and not options:
        command = [python, HERE / "measure_fresh.py", folder, library.replace("-", "_")]
    else:
        command = [python, HERE / "measure.py", name, library, folder, "--seed", str(seed)]
        command += ["--settings", json.dumps(settings), *options]
    process = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if process.returncode:
        raise MeasurementError(process.stderr or f"exit status {process.returncode}")
    return json.loads(process.stdout.splitlines()[-1])


def prepare_data(folder, name):
    """Write a data set as plain arrays, which need no skdeep to be read."""
    if name is None:
        return
    from skdeep import datasets

    (X_train, y_train), (X_test, y_test) = getattr(datasets, f"fetch_{name}")(return_X_y=True)
    for part, array in {"X-train": X_train, "y-train": y_train, "X-test": X_test, "y-test": y_test}.items():
        np.save(folder / f"{name}-{part}.npy", array)


def machine():
    """Describe this machine in one line."""
    lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    cpu = {name.strip(): value.strip() for name, _, value in lines}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    bfloat16 = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in cpu.get("flags", "").split()]
    return (
        f"{cpu.get('model name', platform.machine())}, {os.cpu_count()} cores"
        f"{''.join(f', {flag}' for flag in bfloat16)}, {memory:.0f} GB, {platform.system()}"
    )


def versions(with_skorch):
    """Return the versions of Python and the libraries."""
    code = "import importlib.metadata, json, sys; "
    code += "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
    asked = [(sys.executable, ["skdeep", "scikit-learn", "tensorflow", "keras", "scikeras", "numpy"])]
    if with_skorch:
        asked.append((environments.python_of("skorch"), ["skorch", "torch"]))
    found = {"Python": platform.python_version()}
    for python, names in asked:
        process = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
        found |= json.loads(process.stdout)
    return found


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
