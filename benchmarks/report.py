"""Results as Markdown."""

import statistics
import textwrap

from works import FIGURES, MORE_IS_BETTER, WORKS

INTRODUCTION = """\
# Benchmarks

![How many times as long other libraries take](benchmarks.png)

skdeep and other libraries on the same work, made by `python benchmarks/run.py`. Figures are medians, with minimum and
maximum in brackets. The ratio compares medians of the first figure: above 1, skdeep is that many times better (in a
row of seconds: the library's seconds divided by skdeep's; in one of rows a second the other way round). The last column
says what skdeep was meant to reach, in the row of the library that it is compared with.
"""
METHOD = """\
## How this was measured

Each measurement is a process of its own, one at a time. The libraries take turns, and each round starts with another
one, so that a machine that becomes slower or faster meets them all. Time starts after imports and the loading of the
data (except in `import`). All networks are trained by Adam with learning rate 0.001 on float32, with ReLU and dropout
0.2 where nothing else is said, and nothing is printed. Beyond that each library is as its defaults or its documentation
have it: skdeep follows the training accuracy, the others only the loss; scikeras and Keras predict in batches of 1,000;
skorch runs on the CPU with its callbacks disabled and PyTorch's fused Adam; scikit-learn's `MLPClassifier` has no
dropout, and is held to the same number of epochs.

To run all of it again, which takes about an hour on two cores, on Linux, with an otherwise idle machine:

```sh
python benchmarks/run.py
```

MNIST and CIFAR-10 come from where `skdeep.datasets` finds them. The first run makes an environment for skorch,
`benchmarks/.skorch`, of 1 GB or more; `--without skorch` leaves it out. `--work fit-mnist` runs one work and keeps what
is known of the others, `--rounds` sets the number of rounds, `--quick` only tries whether everything runs.
"""


def markdown(results):
    """Return the whole page for all works that were measured."""
    records = {name: results[name] for name in WORKS if name in results}
    lines = [INTRODUCTION]
    machines = dict.fromkeys(record["machine"] for record in records.values())
    lines += [*(f"- {machine}" for machine in machines), wrap(f"- {versions(records.values())}", "  ")]
    for name, record in records.items():
        lines += ["", section(name, record)]
    return "\n".join([*lines, "", METHOD])


def versions(records):
    """Return the versions of the libraries; several of one library if works were measured at different times."""
    found = {}
    for record in records:
        for library, version in record["versions"].items():
            found.setdefault(library, {})[version] = None
    return ", ".join(f"{library} {' and '.join(several)}" for library, several in found.items())


def section(name, record):
    """Return heading, description and table of one work."""
    work = WORKS[name]
    rounds = f"{record['rounds']} round{'s' if record['rounds'] > 1 else ''}, {record['date']} (`--work {name}`)."
    left_out = [f"{library} is left out: {reason}." for library, reason in record["left_out"].items()]
    quick = ["**Tiny sizes, only to try whether it runs.**"] if record["quick"] else []
    text = " ".join([work.description.format(epochs=record["epochs"]), rounds, *left_out, *quick])
    lines = table(work, record["figures"])
    if work.if_not_met and any("**not met**" in line for line in lines):
        lines += ["", wrap(work.if_not_met)]
    return "\n".join([f"## {work.title}", "", wrap(text), "", *lines])


def table(work, measured):
    """Return the lines of the table: one row a library."""
    medians = {
        library: {figure: statistics.median(values[figure] for values in rounds) for figure in work.figures}
        for library, rounds in measured.items()
    }
    rows = [("library", *(FIGURES[figure] for figure in work.figures), "ratio", "target")]
    for library, rounds in measured.items():
        cells = [show(figure, [values[figure] for values in rounds]) for figure in work.figures]
        rows.append((library, *cells, ratio(work.figures[0], medians, library), targets(work, medians, library)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def ratio(figure, medians, library):
    """Return how many times better skdeep is; nothing where that has no meaning."""
    if "skdeep" not in medians:
        return ""
    own, other = medians["skdeep"][figure], medians[library][figure]
    if min(own, other) <= 0:
        return ""
    return f"{own / other if figure in MORE_IS_BETTER else other / own:.2f}"


def targets(work, medians, library):
    """Return the targets in one library's row, and whether they are met."""
    chosen = [target for target in work.targets if target.library == library]
    if "skdeep" not in medians:
        return ""
    return "; ".join(f"{target.text}: {'met' if target.is_met(medians) else '**not met**'}" for target in chosen)


def show(figure, values):
    texts = [number(figure, value) for value in (statistics.median(values), min(values), max(values))]
    return texts[0] if len(values) == 1 else f"{texts[0]} ({texts[1]} to {texts[2]})"


def number(figure, value):
    if figure in ("accuracy", "best_score"):
        return f"{value:.4f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def wrap(text, indent=""):
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
