"""The reuse of traced programs: how many free ones are kept, what was traced and reused, and how to drop them.

Each process has a cache of its own, of the most recently used programs, 6 unless told otherwise.
"""

from __future__ import annotations

from skdeep._engine.trace_cache import CACHE

__all__ = ["clear", "info", "set_size"]


def info() -> dict[str, int]:
    """Tell what the cache holds and did.

    Returns
    -------
    info : dict
        "size" (the largest number of idle programs kept), "idle" (how many there are now), and how many networks were
        "traced" anew and how many "reused" a program since the process began.

    Examples
    --------
    >>> from skdeep import programs
    >>> sorted(programs.info())
    ['idle', 'reused', 'size', 'traced']
    """
    return CACHE.info()


def clear() -> None:
    """Drop all idle programs, and the memory they hold.

    Examples
    --------
    >>> from skdeep import programs
    >>> programs.clear()
    >>> programs.info()["idle"]
    0
    """
    CACHE.clear()


def set_size(size: int) -> None:
    """Set how many idle programs are kept at most.

    Parameters
    ----------
    size : int
        At least 0; 0 turns reuse off.

    Raises
    ------
    ValueError
        If `size` is not a whole number of at least 0.

    Examples
    --------
    >>> from skdeep import programs
    >>> programs.set_size(6)
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"size must be an int of at least 0. Got {size!r}.")
    CACHE.set_size(size)
