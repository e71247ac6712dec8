"""Run the experiments of the study notes and set what they reported beside what skdeep obtains.

    python examples/reproduce.py                   # on scikit-learn's 8 x 8 digits: nothing to download
    python examples/reproduce.py --data real       # on the real images, see skdeep.datasets: 12 to 40 minutes
    python examples/reproduce.py --list            # the experiments
    python examples/reproduce.py --only ann-mnist  # one of them
    python examples/reproduce.py --data real --resume  # go on after an interruption

The table is printed. results/<data>/ gets report.html (one file with everything), report.md with its pictures, and
what came out of each experiment as JSON.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from study_notes import report
from study_notes.data import load
from study_notes.registry import EXPERIMENTS

DIGITS_MAX_EPOCHS = 150

INTRO = {
    "real": (
        "What the study notes reported, beside what skdeep obtains on the real images (MNIST, Fashion-MNIST, CIFAR-10 "
        'and XOR). "Allowed" is where a figure must lie to count as reproduced: within one point of the note for MNIST '
        "and Fashion-MNIST, 2.5 points for CIFAR-10, 3 points for sgd, better being fine unless the note shows a "
        "failure. Labels are given as they are; where the notes encode them one-hot, skdeep learns the same from the "
        "class numbers. Training and validation figures are those of the last epoch."
    ),
    "digits": (
        "The networks of the study notes on scikit-learn's 8 x 8 digits, which stand for the images of MNIST, "
        "Fashion-MNIST and CIFAR-10 (the latter in three equal channels), and on XOR."
    ),
}


class Terminal:
    """Prints progress: in place on a terminal, otherwise a line every half minute."""

    def __init__(self):
        self._last = time.perf_counter()
        self._in_place = sys.stdout.isatty()

    def progress(self, text):
        """Show how far a run is."""
        if self._in_place:
            print(f"\r  {text:70}", end="", flush=True)
        elif time.perf_counter() - self._last > 30:
            print(f"  {text}", flush=True)
            self._last = time.perf_counter()

    def line(self, text):
        """Print a line that stays."""
        if self._in_place:
            print("\r" + " " * 72 + "\r", end="")
        print(text, flush=True)
        self._last = time.perf_counter()


def epochs_for(experiment, source):
    """Return how many epochs an experiment takes on these data."""
    if source == "real" or experiment.data == "xor":
        return experiment.epochs
    return min(experiment.epochs * experiment.digits_factor, DIGITS_MAX_EPOCHS)


class Runner:
    """Runs experiments on one source of data, and keeps each result as JSON.

    Parameters
    ----------
    source : {"digits", "real"}
        Data sets.
    folder : Path
        Where results are kept.
    """

    def __init__(self, source, folder):
        self.source = source
        self.folder = folder
        self._arrays = {}

    def finished(self, experiment):
        """Return what came out of an earlier run with the same settings, or None."""
        from study_notes.running import Result, settings

        path = self._path(experiment)
        if not path.exists():
            return None
        try:
            result = Result(**json.loads(path.read_text()))
        except (ValueError, TypeError):  # no JSON, or that of another version
            return None
        shape = self._load(experiment)[0].shape[1:]
        return result if result.settings == settings(experiment, shape, epochs_for(experiment, self.source)) else None

    def run(self, experiment, say):
        """Run an experiment and keep what comes out."""
        from study_notes.running import run  # which imports TensorFlow

        result = run(experiment, self._load(experiment), epochs_for(experiment, self.source), say)
        part = self._path(experiment).with_suffix(".part")  # so that there is never half a file under the final name
        part.write_text(json.dumps(result.as_dict()))
        part.replace(self._path(experiment))
        return result

    def _path(self, experiment):
        return self.folder / f"{experiment.id}.json"

    def _load(self, experiment):
        if experiment.data not in self._arrays:
            self._arrays[experiment.data] = load(experiment.data, self.source)
        return self._arrays[experiment.data]


def run_all(runner, chosen, resume):
    """Run experiments one by one and yield their results."""
    terminal = Terminal()
    began, usual_seconds = time.perf_counter(), 0
    for number, experiment in enumerate(chosen, start=1):
        title = f"[{number}/{len(chosen)}] {experiment.id}"
        result = runner.finished(experiment) if resume else None
        if result is not None:
            terminal.line(f"{title}: done earlier")
            yield experiment, result
            continue
        left = sum(each.seconds for each in chosen[number - 1 :])
        if usual_seconds:
            left *= (time.perf_counter() - began) / usual_seconds
        estimate = f" (all: about {left / 60:.0f} min left)" if runner.source == "real" and left > 60 else ""
        terminal.line(f"{title}: {experiment.shows}{estimate}")
        result = runner.run(experiment, terminal.progress)
        usual_seconds += experiment.seconds
        epochs, most = result.obtained["epochs"], epochs_for(experiment, runner.source)
        stopped = f", stopped after epoch {epochs:.0f}" if epochs < most else ""
        terminal.line(f"  {result.obtained['seconds']:.1f} s{stopped}")
        yield experiment, result


def reproduce(chosen, source, folder, resume):
    """Run experiments, print the table and write the report."""
    runner = Runner(source, folder)
    results = {}
    try:
        for experiment, result in run_all(runner, chosen, resume):
            results[experiment.id] = experiment, result
    except KeyboardInterrupt:
        print(
            f"\nInterrupted. {len(results)} of {len(chosen)} experiments are finished; --resume goes on with the rest."
        )
        sys.exit(130)
    is_real = source == "real"
    print(f"\n{report.markdown_table(*report.overview(results.values(), is_real))}\n")
    if is_real:
        for experiment, result in results.values():
            for name in report.outside(experiment, result):
                print(f"{experiment.id}: {name} is outside of what is allowed.")
    # With --only, the report keeps what earlier runs found.
    for experiment in EXPERIMENTS:
        if experiment.id not in results and (result := runner.finished(experiment)) is not None:
            results[experiment.id] = experiment, result
    ordered = [results[experiment.id] for experiment in EXPERIMENTS if experiment.id in results]
    report.write(folder, ordered, INTRO[source], is_real)
    print(f"Written to {folder}: report.html, report.md and its pictures, and a JSON file for each experiment")


def main():
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["digits", "real"], default="digits", help="data sets (default: digits)")
    ids = [experiment.id for experiment in EXPERIMENTS]
    parser.add_argument("--only", nargs="+", metavar="ID", choices=ids, help="only these experiments")
    parser.add_argument("--list", action="store_true", help="list the experiments and stop")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run has finished")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    args = parser.parse_args()
    if args.list:
        for experiment in EXPERIMENTS:
            print(f"{experiment.id:18} {experiment.shows}")
        return
    folder = args.output / args.data
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [experiment for experiment in EXPERIMENTS if not args.only or experiment.id in args.only]
    reproduce(chosen, args.data, folder, args.resume)


if __name__ == "__main__":
    main()
