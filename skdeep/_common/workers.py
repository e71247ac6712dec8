"""Worker processes of joblib, which end one whose memory grows: they take it for a leak and warn of it."""

import sys


def expect_growth(n_bytes):
    """Let this process, if it is a worker of joblib, grow by so many bytes more before joblib ends it.

    A worker may train networks with NumPy first and import TensorFlow later, which takes more memory than joblib
    lets a worker grow by after its first call. joblib has no setting for that; where a version of it does not have the
    private one either, nothing is done, and joblib starts another worker, with a warning.
    """
    module = sys.modules.get("joblib.externals.loky.process_executor")
    if getattr(module, "_CURRENT_DEPTH", 0) > 0 and hasattr(module, "_MAX_MEMORY_LEAK_SIZE"):
        module._MAX_MEMORY_LEAK_SIZE += n_bytes
