"""The experiments: they run on the digits, and on real MNIST they give what the notes reported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "examples" / "reproduce.py"


def reproduce(*arguments, cwd):
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(output, experiment):
    """Return the obtained figures of one experiment from the printed table."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.splitlines() if line.startswith("| ")]
    table, current = {}, None
    for name, figure, _, obtained in rows[1:]:
        current = name or current
        table.setdefault(current, {})[figure] = float(obtained.replace(",", ""))
    return table[experiment]


def test_list(tmp_path):
    output = reproduce("--list", cwd=tmp_path)
    names = [line.split()[0] for line in output.splitlines()]
    assert names == ["ann-mnist", "dnn-mnist", "mlp-mnist", "cnn-mnist", "softmax-keras", "xor", "xor-learned"]


def test_digits_and_xor(tmp_path):
    output = reproduce("--only", "softmax-keras", "xor", "xor-learned", "--output", "out", cwd=tmp_path)
    softmax = figures(output, "softmax-keras")
    assert softmax["test accuracy"] > 0.9
    assert softmax["test loss after reloading"] < softmax["test loss"]
    assert "0.2647 other data" in output
    xor, learned = figures(output, "xor"), figures(output, "xor-learned")
    assert xor["parameters"] == learned["parameters"] == 33
    assert xor["test accuracy"] == pytest.approx(0.5, abs=0.25)
    assert learned["test accuracy"] == 1
    written = {path.name for path in (tmp_path / "out" / "digits").iterdir()}
    assert written == {"table.md", "softmax-keras.png", "xor.png", "xor-learned.png"}
    assert (tmp_path / "out" / "digits" / "xor.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.real_data
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    not Path(os.environ.get("SKDEEP_DATA", "~/skdeep_data"), "mnist.npz").expanduser().exists(),
    reason="mnist.npz is not in the folder that SKDEEP_DATA names, nor in ~/skdeep_data",
)
class TestRealMnist:
    @pytest.fixture(scope="class")
    @staticmethod
    def output(tmp_path_factory):
        return reproduce("--data", "real", cwd=tmp_path_factory.mktemp("real"))

    @pytest.mark.parametrize(
        "experiment, figure, low, high",
        [
            ("ann-mnist", "test accuracy", 0.973, 1),
            ("dnn-mnist", "validation accuracy", 0.972, 1),
            ("mlp-mnist", "test accuracy", 0.915, 0.930),
            ("cnn-mnist", "validation accuracy", 0.930, 0.955),
            ("softmax-keras", "test accuracy", 0.922, 0.930),
            ("softmax-keras", "test accuracy after reloading", 0.922, 0.930),
            ("mlp-mnist", "parameters", 407_050, 407_050),
            ("cnn-mnist", "parameters", 804_554, 804_554),
            ("softmax-keras", "parameters", 7_850, 7_850),
        ],
    )
    def test_figures_lie_where_the_notes_have_them(self, experiment, figure, low, high, output):
        assert low <= figures(output, experiment)[figure] <= high
