"""kls, the Keras Language Server: shapes, dtypes and their faults, while you type."""

__version__ = "0.1.0"
