"""The experiments: they run on the digits, and on the real images they give what the notes reported."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "examples" / "reproduce.py"
NAMES = [
    *("ann-mnist", "dnn-mnist", "dnn-cifar10", "mlp-mnist", "cnn-mnist", "cnn-fashion", "cnn-cifar10", "fnn-mse"),
    *("base", "sgd", "sgd-momentum", "early-stopping", "capacity-dropout", "stop-at-99", "dnn-cifar10-zscore"),
    *("softmax-scratch", "softmax-keras", "xor", "xor-learned"),
]


def reproduce(*arguments, cwd):
    command = [sys.executable, SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def obtained(folder, experiment):
    return json.loads((folder / f"{experiment}.json").read_text())["obtained"]


def test_list(tmp_path):
    assert [line.split()[0] for line in reproduce("--list", cwd=tmp_path).splitlines()] == NAMES


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The output and the folder of a run on the digits."""
    folder = tmp_path_factory.mktemp("digits")
    chosen = ("softmax-keras", "sgd", "sgd-momentum", "stop-at-99", "xor", "xor-learned")
    return reproduce("--only", *chosen, "--output", "out", cwd=folder), folder / "out" / "digits"


def test_figures(digits):
    _, folder = digits
    softmax = obtained(folder, "softmax-keras")
    assert softmax["test accuracy"] > 0.9
    assert softmax["test loss after reloading"] < softmax["test loss"]
    assert obtained(folder, "stop-at-99")["accuracy"] >= 0.99
    xor, learned = obtained(folder, "xor"), obtained(folder, "xor-learned")
    assert xor["parameters"] == learned["parameters"] == 33
    assert xor["test accuracy"] == pytest.approx(0.5, abs=0.25)
    assert learned["test accuracy"] == 1


def test_the_table_has_reported_beside_obtained_where_the_data_are_the_same(digits):
    output, folder = digits
    accuracy = obtained(folder, "sgd")["test accuracy"]
    assert re.search(rf"\| sgd +\| test accuracy +\| +\| {accuracy:.4f} +\| +\| +\|", output)
    accuracy = obtained(folder, "xor")["test accuracy"]
    assert re.search(rf"\| +\| test accuracy +\| 0.5000 +\| {accuracy:.4f} +\| up to 0.7500 +\| inside \|", output)
    assert "0.8971" not in (folder / "report.md").read_text()  # of the note, on the real images


def test_the_report_needs_no_other_file(digits):
    _, folder = digits
    html = (folder / "report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert html.count("data:image/png;base64,") == 8  # one for each, and two comparisons
    markdown = (folder / "report.md").read_text()
    pictures = re.findall(r"\]\((.+\.png)\)", markdown)
    assert len(pictures) == 8
    for name in pictures:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    for text in (html, markdown):
        assert "sgd-momentum-and-sgd" in text
        assert re.search(r"hidden_1 +Dense +8 +24\noutput +Dense +1 +9\n-+\ntotal +33", text)


def test_an_interrupted_run_keeps_what_is_finished(tmp_path):
    arguments = ("--only", "mlp-mnist", "cnn-cifar10", "--output", ".")
    process = subprocess.Popen(
        [sys.executable, "-u", SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path
    )
    while b"cnn-cifar10" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Interrupted. 1 of 2 experiments are finished; --resume goes on with the rest." in output
    assert not (tmp_path / "digits" / "cnn-cifar10.json").exists()
    before = (tmp_path / "digits" / "mlp-mnist.json").read_bytes()
    output = reproduce("--only", "mlp-mnist", "--output", ".", "--resume", cwd=tmp_path)
    assert "[1/1] mlp-mnist: done earlier" in output
    assert (tmp_path / "digits" / "mlp-mnist.json").read_bytes() == before


def test_the_settings_of_an_experiment_are_always_the_same_text():
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
        "from study_notes.registry import EXPERIMENTS; from study_notes.running import settings\n"
        "for experiment in EXPERIMENTS: print(settings(experiment, (8, 8), 5))"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    )
    assert first == second
    assert len(set(first.splitlines())) == len(NAMES)
    assert "'stddev': 1.0" in first


def test_only_keeps_the_others_in_the_report(digits, tmp_path):
    shutil.copytree(digits[1], tmp_path / "digits")
    (tmp_path / "digits" / "sgd.json").write_text("{")  # what cannot be read is left out
    reproduce("--only", "xor", "--output", ".", cwd=tmp_path)
    titles = re.findall("^## (.+)", (tmp_path / "digits" / "report.md").read_text(), flags=re.MULTILINE)
    assert titles == ["sgd-momentum", "stop-at-99", "softmax-keras", "xor", "xor-learned"]


def test_resume_takes_nothing_that_was_run_otherwise(tmp_path):
    reproduce("--only", "xor", "--output", ".", cwd=tmp_path)
    path = tmp_path / "digits" / "xor.json"
    path.write_text(re.sub("random_state=\\d+", "random_state=12", path.read_text()))
    assert "done earlier" not in reproduce("--only", "xor", "--output", ".", "--resume", cwd=tmp_path)


@pytest.mark.real_data
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slowest) if name == "cnn-cifar10" else name for name in NAMES]
)
def test_figures_on_the_real_images_lie_where_the_notes_have_them(name, needs_real_data, tmp_path):
    if not name.startswith("xor"):
        needs_real_data("cifar10" if "cifar10" in name else "fashion_mnist" if "fashion" in name else "mnist")
    output = reproduce("--data", "real", "--only", name, "--output", ".", cwd=tmp_path)
    assert "outside" not in output, output
    assert "| inside |" in output, output
