"""The reuse of traced programs: how many idle ones are kept, what was traced and reused, and how to drop them.

Each process has a pool of its own, of the most recently used programs, 6 unless told otherwise.
"""

from skdeep._engine.trace_cache import clear, info, set_size

__all__ = ["clear", "info", "set_size"]
