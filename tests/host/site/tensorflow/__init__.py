"""Stands where TensorFlow would, so that the process is tested without it."""

__version__ = "2.99.0"
