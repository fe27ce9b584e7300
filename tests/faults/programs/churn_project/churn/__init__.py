"""A package: data and model."""

from .data import sentences
from .model import CLASSES, Tagger

__all__ = ["CLASSES", "Tagger", "sentences"]
