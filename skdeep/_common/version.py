"""The version of skdeep, as it is installed."""

from importlib.metadata import version

__version__ = version("skdeep")
