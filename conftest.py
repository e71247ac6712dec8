"""What holds for all tests, doctests included."""

import sys

import pytest

# The settings of Sphinx, and what it makes of the documentation.
collect_ignore = ["docs/conf.py", "docs/_build", "docs/auto_examples", "docs/api/generated"]


@pytest.fixture(autouse=True)
def figures_closed():
    """Close the figures that a test drew: matplotlib warns of too many open ones."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
