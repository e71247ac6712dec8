"""skdeep that computes in bfloat16."""

import functools

from libraries import skdeep

make_cnn = functools.partial(skdeep.make_cnn, dtype_policy="mixed_bfloat16")
