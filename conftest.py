"""What holds for all tests, doctests included."""

import sys
from collections import Counter

import pytest

# The settings of Sphinx, and what it makes of the documentation.
collect_ignore = ["docs/conf.py", "docs/_build", "docs/auto_examples", "docs/api/generated"]


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Mark what is slow by its kind, and put tests on real data first.

    Slow are examples of the documentation, tests on real data, and what `slow_after` says.
    """
    n_cases = Counter()
    for item in items:
        n_cases[item.parent, getattr(item, "originalname", None)] += 1
        case = n_cases[item.parent, getattr(item, "originalname", None)]
        limit = item.get_closest_marker("slow_after")
        is_late = limit is not None and case > limit.args[0]
        if is_late or isinstance(item, pytest.DoctestItem) or item.get_closest_marker("real_data"):
            item.add_marker("slow")
    # First what takes longest, so that no worker is left with it at the end.
    items.sort(key=lambda item: item.get_closest_marker("real_data") is None)


@pytest.fixture(autouse=True)
def figures_closed():
    """Close the figures that a test drew: matplotlib warns of too many open ones."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
