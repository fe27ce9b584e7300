"""Keras's `Tokenizer` on texts that are not there: that it gives lists of word numbers is known, which ones is not.

It is the class of Keras 2 (keras/src/legacy/preprocessing/text.py), which `tf.keras` still has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import numpy as np
from keras.src.legacy.preprocessing.text import Tokenizer

from .arrays import VirtualArray, find_unknown
from .open_sizes import Open
from .unknown import Unknown, UnknownValue
from .unread import Form, Unread

__all__ = ["Sequences", "install", "lists"]

_LEARNT = ("word_index", "index_word", "word_counts", "word_docs", "index_docs", "document_count")
"""What a tokenizer knows of the texts that it has seen."""


class Sequences(Unknown):
    """A list of lists of word numbers, one for each text; `rows` is how many, None where nobody knows."""

    __slots__ = ("_rows", "_witnesses")

    _rows: Optional[int]
    _witnesses: Any

    def __init__(self, reason: str, line: Optional[int], rows: Optional[int], witnesses: Any = None) -> None:
        super().__init__(reason, line)
        object.__setattr__(self, "_rows", rows)
        object.__setattr__(self, "_witnesses", witnesses)

    def unshaped(self) -> Unknown:
        """What is left where it does not matter that this is a list."""
        return Unknown(self.reason, self.line)

    @property
    def rows(self) -> Optional[int]:
        """How many texts there are."""
        return self._rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unshaped(), name)

    def __getitem__(self, key: Any) -> Any:
        return Sequences(self.reason, self.line, None, self._witnesses) if isinstance(key, slice) else self.unshaped()

    def stacked(self) -> Unknown:
        """NumPy's array of them, which there is where all texts are of as many words."""
        if self._witnesses is None:
            return self.unshaped()
        form = Form(self._witnesses, "array", (Open(),), dtype=np.int64, numeric=True, rows=self._rows)
        return Unread(self.reason, self.line, form)

    def __array_function__(self, func: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        return self.unshaped()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return self.unshaped()


def _unshaped(self: Sequences, *_: Any) -> Unknown:
    return self.unshaped()


for _name in "call add radd mul rmul lt le gt ge eq ne".split():
    setattr(Sequences, f"__{_name}__", _unshaped)
Sequences.__hash__ = Unknown.__hash__  # type: ignore[method-assign]


class _Some(int):
    """A word number that nobody knows."""

    def __repr__(self) -> str:
        return "…"


def lists(value: Any) -> Any:
    """A structure with lists in the place of `Sequences`, for Keras to say what it does with these."""
    if isinstance(value, Sequences):
        rows = 2 if value.rows is None else min(value.rows, 2)
        return [[_Some(1), _Some(1)] for _ in range(rows)]
    if type(value) in (tuple, list):
        return type(value)(lists(item) for item in value[:64]) if _has_some(value) else value
    if type(value) is dict:
        return {key: lists(item) for key, item in value.items()}
    return value


def _has_some(values: Any) -> bool:
    return any(isinstance(item, (Sequences, tuple, list, dict)) for item in values[:64]) and len(values) <= 64


def install(rows: Callable[[int], int], witnesses: Any = None) -> None:
    """Let tokenizers take texts that are not known, in this process; `rows` and `witnesses` as for
    `loaders.install`."""
    fit_on_texts, to_sequences = Tokenizer.fit_on_texts, Tokenizer.texts_to_sequences
    to_matrix, to_texts = Tokenizer.sequences_to_matrix, Tokenizer.sequences_to_texts

    def learn(self: Any, texts: Any) -> None:
        unknown = find_unknown(texts)
        if unknown is None and _unlearnt(self) is None:
            fit_on_texts(self, texts)
            return
        unknown = _unlearnt(self) if unknown is None else unknown
        self.__dict__.update(dict.fromkeys(_LEARNT, unknown), _kls_unknown=unknown)

    def sequences(self: Any, texts: Any) -> Any:
        unknown = find_unknown(texts)
        unknown = _unlearnt(self) if unknown is None else unknown
        return to_sequences(self, texts) if unknown is None else _of(unknown, texts, witnesses)

    def matrix(self: Any, sequences: Any, *args: Any, **keywords: Any) -> Any:
        unknown = sequences if isinstance(sequences, Unknown) else _unlearnt(self)
        if unknown is None:
            return to_matrix(self, sequences, *args, **keywords)
        if not isinstance(self.num_words, int):
            return unknown.unshaped()
        given = sequences if isinstance(sequences, Sequences) else _of(unknown, sequences, witnesses)
        count = rows(unknown.line or 1) if given.rows is None else given.rows
        return VirtualArray.of((count, self.num_words), np.dtype("float64"), "a Tokenizer")

    def texts(self: Any, sequences: Any) -> Any:
        unknown = sequences if isinstance(sequences, Unknown) else _unlearnt(self)
        return to_texts(self, sequences) if unknown is None else unknown.unshaped()

    def state(self: Any) -> Any:
        unknown = _unlearnt(self)
        if unknown is not None:
            raise UnknownValue(unknown.reason, unknown.line)
        return vars(self)

    get_config = Tokenizer.get_config
    Tokenizer.fit_on_texts, Tokenizer.texts_to_sequences = learn, sequences
    Tokenizer.sequences_to_matrix, Tokenizer.sequences_to_texts = matrix, texts
    Tokenizer.get_config = lambda self: state(self) and get_config(self)
    Tokenizer.__getstate__ = state


def _unlearnt(tokenizer: Any) -> Optional[Unknown]:
    """What a tokenizer has learnt from, where nobody knows it."""
    return vars(tokenizer).get("_kls_unknown")


def _of(unknown: Unknown, texts: Any, witnesses: Any) -> Sequences:
    known = None if isinstance(texts, Unknown) or not hasattr(texts, "__len__") else len(texts)
    return Sequences(unknown.reason, unknown.line, known, witnesses)
