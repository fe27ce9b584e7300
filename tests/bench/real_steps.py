"""Run a script whose `fit` is cut to a few steps, without kls: `python real_steps.py SCRIPT`.

Prints a line of JSON: seconds of the first step and of a warm one (the median), the bytes that the process grew from
its imports to its highest, and those of the arrays that `fit` is given. These are cut to what the steps need: Keras
copies whole arrays, a step needs a batch.
"""

import itertools
import json
import resource
import runpy
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

STEPS = 6


class _Clock(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.marks = [time.perf_counter()]

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.marks.append(time.perf_counter())


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _cut(item: object, rows: int) -> object:
    return item[:rows] if isinstance(item, np.ndarray) else item


def main() -> None:
    """Run the script and print what its first steps took."""
    fit = keras.Model.fit
    float(tf.zeros(1)[0])
    before = _resident()

    def few(self: keras.Model, *arguments: object, **keywords: object) -> object:
        clock = _Clock()
        rows = STEPS * int(str(keywords.get("batch_size", 32)))
        arguments, keywords = keras.tree.map_structure(lambda item: _cut(item, rows), (arguments, keywords))
        keywords.update(epochs=1, steps_per_epoch=STEPS, callbacks=[clock], verbose=0)
        done = fit(self, *arguments, **keywords)
        seconds = [later - earlier for earlier, later in itertools.pairwise(clock.marks)]
        told = {
            "first_seconds": seconds[0],
            "step_seconds": statistics.median(seconds[1:]),
            "data_bytes": sum(getattr(item, "nbytes", 0) for item in (*arguments, *keywords.values())),
            "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before,
        }
        print(json.dumps(told), flush=True)
        return done

    keras.Model.fit = few
    runpy.run_path(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    main()
