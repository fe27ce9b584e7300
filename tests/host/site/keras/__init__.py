"""Stands where Keras would, so that the process is tested without it."""

__version__ = "3.99.0"


class config:
    @staticmethod
    def backend() -> str:
        return "tensorflow"
