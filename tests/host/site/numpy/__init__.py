"""Stands where NumPy would, so that the process is tested without it."""

__version__ = "2.0.0"
