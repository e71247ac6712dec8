"""The one place where TensorFlow and Keras are imported for the first time.

Every module that needs them imports this one first. TensorFlow's start-up messages are lowered as far as its own
setting allows; a value that the user has set stays. (TensorFlow 2.21 writes lines about oneDNN and CUDA before it reads
any setting.)
"""

import os

from skdeep import private_parts


def _check_backend(name):
    if name != "tensorflow":
        raise ImportError(
            f"skdeep trains with Keras's TensorFlow backend, but Keras is set to {name!r}. "
            "Set the environment variable KERAS_BACKEND=tensorflow before Keras is imported."
        )


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow")  # before an import that may fail for another reason

try:
    import keras
    import tensorflow as tf
except ImportError as error:
    raise ImportError(
        f"skdeep needs TensorFlow and Keras for networks, which cannot be imported here: {error}"
    ) from error

_check_backend(keras.backend.backend())
private_parts.check("keras")
private_parts.check("tensorflow")

__all__ = ["keras", "tf"]
