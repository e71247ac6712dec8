"""Measure a fresh process that loads a pipeline of a scaler and a network, and predicts one row.

    python benchmarks/measure_fresh.py FOLDER LIBRARY

The pipeline was written by ``measure.py fresh-process LIBRARY FOLDER --prepare``. Nothing is imported before time
starts.
"""

import sys
import time

start = time.perf_counter()


def main():
    import joblib
    import numpy as np

    folder, library = sys.argv[1:]
    sys.path.insert(0, __file__.rpartition("/")[0])  # where skorch's module is
    joblib.load(f"{folder}/{library}-pipeline.joblib").predict(np.load(f"{folder}/row.npy"))
    seconds = time.perf_counter() - start
    with open("/proc/self/status") as lines:
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    print(f'{{"seconds": {seconds}, "resident": {kilobytes / 1000}}}')


if __name__ == "__main__":
    main()
