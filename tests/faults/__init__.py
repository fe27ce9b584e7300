"""Recall, measured: one fault put into a working program, the program run for real to know the truth, kls asked.

`python -m tests.faults FOLDER… [--cache FOLDER]` prints the table; `--help` tells the rest. The parts: `programs` (the
working programs), `injectors` (the faults), `truth` and `staged` (the real runs), `judge` (kls, and the comparison).
"""
