"""What holds for all tests, doctests included."""

import sys

import pytest

# The settings of Sphinx, and what it makes of the documentation.
collect_ignore = ["docs/conf.py", "docs/_build", "docs/auto_examples", "docs/api/generated"]


def pytest_collection_modifyitems(items):
    """Mark what is slow by its kind: the examples of the documentation, and tests on real data."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) or item.get_closest_marker("real_data"):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def figures_closed():
    """Close the figures that a test drew: matplotlib warns of too many open ones."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
