"""The names of the installed Keras: `python -m tests.keras_names > kls/rules/keras_names.py` makes the table that the
static rules read. A test compares the two."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

KINDS = ("losses", "metrics", "optimizers", "activations", "initializers", "regularizers", "constraints")
CLASSES = ("layers", "losses", "metrics", "optimizers")
METHODS = ("compile", "fit", "evaluate", "predict")


def identifiers(kind: str) -> list[str]:
    """The strings that `keras.<kind>.get` takes."""
    module: Any = __import__(f"keras.src.{kind}", fromlist=["get"])
    return sorted(name for name in module.ALL_OBJECTS_DICT if _usable(module, name))


def _usable(module: Any, name: str) -> bool:
    try:
        module.get(name)
    except ValueError:
        return False
    except Exception:  # known, and wants arguments
        return True
    return True


def parameters() -> Iterator[tuple[str, list[str]]]:
    """Each class of Keras (by all its public names) with what its constructor takes, and `keras.Model`'s methods.

    Names after "*" are taken by keyword only; "**" says that the base class's are taken too.
    """
    import keras
    from keras._tf_keras import keras as through_tensorflow

    found: dict[str, list[str]] = {}
    for package in (keras, through_tensorflow):
        for kind in CLASSES:
            module: ModuleType = getattr(package, kind)
            for name, value in vars(module).items():
                if inspect.isclass(value) and name[:1].isupper():
                    found[f"keras.{kind}.{name}"] = _constructor(value)
    for name in METHODS:
        found[f"keras.Model.{name}"] = _signature(getattr(keras.Model, name))
    found["keras.Layer"] = _constructor(keras.Layer)
    yield from sorted(found.items())


def _constructor(cls: type) -> list[str]:
    taken = _signature(cls.__init__)
    if "**" in taken:
        for base in cls.__mro__:
            own = vars(base).get("__init__")
            if not inspect.isfunction(own) or not base.__module__.startswith("keras."):
                continue
            text = inspect.getsource(own)
            more = re.findall(r"kwargs(?:\.pop\(|\.get\(|\[)\s*\"(\w+)\"", text)
            more += re.findall(r"\"(\w+)\" in kwargs", text)
            if base is not cls:
                more += [name for name in _signature(own) if not name.startswith("*")]
            taken += sorted({name for name in more if name not in taken})
            if "**" not in _signature(own):
                break
        taken.remove("**")
        if "*" not in taken:
            taken.insert(len([name for name in _signature(cls.__init__) if name != "**"]), "*")
    return taken


def _signature(function: Any) -> list[str]:
    names: list[str] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in names and "*args" not in names:
            names.append("*")
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        names.append("**" if prefix == "**" else "*args" if prefix else parameter.name)
    return names


def page() -> str:
    """The text of `kls/rules/keras_names.py`."""
    import keras

    major, minor = keras.__version__.split(".")[:2]
    lines = [
        '"""Names of Keras, read off an installed one: `python -m tests.keras_names > kls/rules/keras_names.py`."""',
        "",
        f"VERSION = ({major}, {minor})",
        '"""Major and minor version of that Keras."""',
        "",
    ]
    for kind in KINDS:
        lines += [f'{kind.upper()} = frozenset(\n    """', *_wrapped(" ".join(identifiers(kind)), 4), '""".split()\n)']
        lines += [f'"""Strings that `keras.{kind}.get` takes."""', ""]
    lines += ['_PARAMETERS = """']
    for name, taken in parameters():
        lines += _wrapped(f"{name}: {' '.join(taken)}", 0)
    lines += ['"""', "", *FOOT]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: int) -> Iterable[str]:
    return textwrap.wrap(text, 118, initial_indent=" " * indent, subsequent_indent="    ", break_on_hyphens=False)


FOOT = '''\
PARAMETERS = {
    name: tuple(taken.split())
    for name, _, taken in (line.partition(":") for line in _PARAMETERS.replace("\\n ", " ").split("\\n") if line)
}
"""What each class takes, and each method of `keras.Model`, by public name: names by position, after "*" by keyword
only; "*args" stands for any number by position, "**" for any keyword."""'''.split("\n")

if __name__ == "__main__":
    sys.stdout.write(page())
