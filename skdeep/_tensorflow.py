"""The one place where TensorFlow and Keras are imported for the first time.

Every module that needs them imports this one first. TensorFlow's start-up messages are lowered as far as its own
setting allows; a value that the user has set stays. (TensorFlow 2.21 writes lines about oneDNN and CUDA before it reads
any setting.)
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"skdeep trains with Keras's TensorFlow backend, but Keras is set to {keras.backend.backend()!r}. "
        "Set the environment variable KERAS_BACKEND=tensorflow before Keras is imported."
    )

__all__ = ["keras", "tf"]
