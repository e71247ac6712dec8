"""The examples of scikeras in the guide for those who come from it: they run, and fail where the guide says so."""

import re
import sys
import types
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "guide" / "coming_from_scikeras.md"
FAILS = "# an error"


def examples():
    """Yield the headings and the blocks of code that are not sessions, which are tested as doctests."""
    heading = "setup"
    for part in re.split(r"^(### .*)$", GUIDE.read_text(), flags=re.MULTILINE):
        if part.startswith("### "):
            heading = part.removeprefix("### ")
        for code in re.findall(r"^```python\n(.*?)^```", part, flags=re.DOTALL | re.MULTILINE):
            if not code.startswith(">>>"):
                yield heading, code


SETUP, *EXAMPLES = examples()


def test_there_are_ten():
    assert [re.match(r"\d+", heading)[0] for heading, _ in EXAMPLES] == [str(number) for number in range(1, 11)]
    assert sum(FAILS in code for _, code in EXAMPLES) == 1


@pytest.mark.parametrize("heading, code", EXAMPLES, ids=[heading for heading, _ in EXAMPLES])
@pytest.mark.filterwarnings("ignore")  # of scikeras and of what it calls
def test_before(heading, code, monkeypatch):
    module = types.ModuleType("migration_guide_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where pickles find the functions
    names = vars(module)
    exec(SETUP[1], names)
    if FAILS in code:
        with pytest.raises(ValueError, match="y should be a 1d array"):
            exec(code, names)
    else:
        exec(code, names)
