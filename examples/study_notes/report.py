"""The report: figures side by side, learning curves and layers, as Markdown and as one self-contained HTML file."""

import base64
import html
import io

import matplotlib.pyplot as plt

from skdeep.plotting import TrainingHistoryDisplay

_HEADER = ("figure", "reported", "obtained", "allowed", "")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; border-top: 1px solid #ccc; padding-top: 1.5rem; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; } pre { overflow-x: auto; background: #f6f6f6; padding: .8rem; font-size: .85rem; }
.outside { color: #b00020; font-weight: bold; }
"""


def rows(experiment, result, is_real):
    """Return the lines of the table of one experiment, as texts.

    Only on the data of the note are its figures set beside those obtained, and these held to their bands.
    """
    is_of_the_note = is_real or experiment.data == "xor"
    lines = []
    for name, value in result.obtained.items():
        low, high = experiment.bands.get(name, (None, None))
        if not (name in experiment.reported or low is not None or name in ("test accuracy", "seconds")):
            continue
        judged = low is not None and is_of_the_note
        lines.append(
            (
                label(name),
                show(name, experiment.reported.get(name)) if is_of_the_note else "",
                show(name, value),
                _band(name, low, high) if judged else "",
                ("inside" if low <= value <= high else "outside") if judged else "",
            )
        )
    return lines


def outside(experiment, result):
    """Return the names of the figures that lie outside their bands."""
    return [label(name) for name, (low, high) in experiment.bands.items() if not low <= result.obtained[name] <= high]


def label(name):
    """Return the name of a figure as the report has it."""
    if name in ("loss", "accuracy"):
        return f"training {name}"
    return name.replace("val_", "validation ")


def show(name, value):
    """Return a figure as text."""
    if value is None:
        return ""
    if name in ("parameters", "epochs"):
        return f"{value:,.0f}"
    return f"{value:.1f}" if name == "seconds" else f"{value:.4f}"


def markdown_table(header, lines):
    """Return a Markdown table with aligned columns."""
    lines = [header, *lines]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(header))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([texts[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *texts[1:]])


def overview(results, is_real):
    """Return header and lines of the table of all experiments, with the figures that have bands."""
    lines = []
    for experiment, result in results:
        names = [label(name) for name in experiment.bands]
        chosen = [line for line in rows(experiment, result, is_real) if line[0] in names]
        firsts = [(experiment.id, show("seconds", result.obtained["seconds"])), *[("", "")] * len(chosen)]
        lines += [(name, *line, seconds) for (name, seconds), line in zip(firsts, chosen, strict=False)]
    return _without_empty_columns(("experiment", *_HEADER, "seconds"), lines)


def draw(experiment, result, others):
    """Return the pictures of one experiment as PNG, by name.

    Parameters
    ----------
    experiment, result
        The experiment and what came out.
    others : dict of str to Result
        What came out of the other experiments, by id.
    """
    pictures = {experiment.id: TrainingHistoryDisplay.from_history(result.history)}
    other = others.get(experiment.compare_with)
    if other is not None:
        metric = "val_loss" if "val_loss" in result.history else "loss"
        histories = {experiment.compare_with: other.history, experiment.id: result.history}
        name = f"{experiment.id}-and-{experiment.compare_with}"
        pictures[name] = TrainingHistoryDisplay.from_history(histories, metrics=metric)
    return {name: _png(display.figure_) for name, display in pictures.items()}


def write(folder, results, intro, is_real):
    """Write report.md with its pictures, and report.html."""
    by_id = {experiment.id: result for experiment, result in results}
    header, lines = overview(results, is_real)
    summary = _summary(results, is_real)
    markdown = ["# The experiments", f"**{summary}**", markdown_table(header, lines), intro]
    page = [
        "<h1>The experiments</h1>",
        f"<p><strong>{html.escape(summary)}</strong></p>",
        _html_table(header, lines),
        f"<p>{html.escape(intro)}</p>",
    ]
    for experiment, result in results:
        header, lines = _without_empty_columns(_HEADER, rows(experiment, result, is_real))
        pictures = draw(experiment, result, by_id)
        markdown += [f"## {experiment.id}", experiment.shows, markdown_table(header, lines)]
        page += [
            f'<h2 id="{experiment.id}">{experiment.id}</h2>',
            f"<p>{html.escape(experiment.shows)}</p>",
            _html_table(header, lines),
        ]
        if experiment.remark:
            markdown.append(experiment.remark)
            page.append(f"<p>{html.escape(experiment.remark)}</p>")
        for name, png in pictures.items():
            (folder / f"{name}.png").write_bytes(png)
            markdown.append(f"![learning curves of {name}]({name}.png)")
            source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
            page.append(f'<p><img src="{source}" alt="learning curves of {name}"></p>')
        markdown.append(f"```text\n{result.summary}\n```")
        page.append(f"<pre>{html.escape(result.summary)}</pre>")
    (folder / "report.md").write_text("\n\n".join(markdown) + "\n")
    (folder / "report.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>skdeep: the experiments</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(page) + "\n</body></html>\n"
    )


def _summary(results, is_real):
    """Return what came out, in a sentence or two."""
    judged = [line[-1] for each in results for line in rows(*each, is_real) if line[-1]]
    names = [f"{name} of {experiment.id}" for experiment, result in results for name in outside(experiment, result)]
    if not is_real:
        return (
            f"{len(results)} networks on scikit-learn's small digits: what each of them shows can be seen, but of the "
            "figures only those of XOR can be compared with the notes. --data real is for the others."
        )
    told = f"{judged.count('inside')} of {len(judged)} figures lie where they must to count as reproduced."
    return told if not names else f"{told} Outside: {', '.join(names)}."


def _band(name, low, high):
    if low == high:
        return show(name, low)
    if low == 0:
        return f"up to {show(name, high)}"
    if high == 1 and name != "epochs":
        return f"from {show(name, low)}"
    return f"{show(name, low)} to {show(name, high)}"


def _without_empty_columns(header, lines):
    kept = [column for column in range(len(header)) if any(line[column] for line in lines)]
    return tuple(header[column] for column in kept), [tuple(line[column] for column in kept) for line in lines]


def _html_table(header, lines):
    def cells(line):
        return "".join(f"<td{_css(cell)}>{html.escape(cell)}</td>" for cell in line)

    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "\n".join(f"<tr>{cells(line)}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'


def _css(cell):
    if cell == "outside":
        return ' class="outside"'
    return ' class="number"' if cell[:1].isdigit() and " " not in cell else ""


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110)
    plt.close(figure)
    return buffer.getvalue()
