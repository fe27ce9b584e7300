"""What the reading of a file knows about its values: names from elsewhere, instances, own classes and functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Known:
    """A value that is certainly neither a model nor a layer: a number, a string, the result of `fit`."""


@dataclass(frozen=True)
class Ref:
    """A name that comes from an import: "keras.layers.Dense", "numpy", "blocks"."""

    name: str


@dataclass(frozen=True)
class Instance:
    """What a call made: of the class or factory with public name `name`, or of the project's own class `cls`.

    `role` is "model", "layer" or "other".
    """

    role: str
    name: str
    cls: Class | None = None


@dataclass(frozen=True)
class Many:
    """A list, tuple or other collection with these items; `alike` when any item stands for all."""

    items: tuple[Value, ...]
    alike: bool = False


@dataclass(frozen=True)
class Method:
    """A method looked up on an instance."""

    owner: Instance
    name: str


@dataclass(frozen=True)
class Super:
    """`super()` inside a method of `cls`."""

    cls: Class


@dataclass(eq=False)
class Function:
    """A function of the project; its body is read once, when it is first called or at the end of its module."""

    node: Any
    scope: Scope
    cls: Class | None = None
    parameters: dict[str, Value] = field(default_factory=dict[str, "Value"])
    """What annotations and defaults tell of the parameters."""
    reader: Any = None
    """Who reads its body: the reader of its module."""
    state: str = "new"
    returns: Value = None


@dataclass(eq=False)
class Class:
    """A class of the project. `role` is "model" or "layer" by its bases, else "other"; "unknown" where a base is."""

    name: str
    role: str
    bases: tuple[Value, ...]
    scope: Scope
    attributes: dict[str, Value] = field(default_factory=dict[str, "Value"])
    ready: bool = False
    reader: Any = None

    def find(self, name: str, depth: int = 0) -> Value:
        """The attribute `name`, also of the project's own base classes."""
        if name in self.attributes:
            return self.attributes[name]
        if name in self.scope.names:
            return self.scope.names[name]
        for base in self.bases if depth < 20 else ():
            if isinstance(base, Class) and (value := base.find(name, depth + 1)) is not None:
                return value
        return None


@dataclass(eq=False)
class Scope:
    """Names bound in a module, a class or a function; `stars` are the modules it imports everything from."""

    parent: Scope | None
    kind: str
    cls: Class | None = None
    names: dict[str, Value] = field(default_factory=dict[str, "Value"])
    outer: set[str] = field(default_factory=set[str])
    """Names declared `global` or `nonlocal`."""
    stars: list[str] = field(default_factory=list[str])
    returns: list[Value] = field(default_factory=list["Value"])
    own: Class | None = None
    """The class whose method this is the body of."""


Value: TypeAlias = "Known | Ref | Instance | Many | Method | Super | Function | Class | None"
"""None is a value that is not known."""

KNOWN = Known()


def best(values: Sequence[Value]) -> Value:
    """What one of several possible values is: a model or layer if any is one; unknown if any is not known."""
    for value in values:
        if isinstance(value, Instance) and value.role in ("model", "layer"):
            return value
    if any(value is None for value in values):
        return None
    return next((value for value in values if not isinstance(value, Known)), values[0] if values else None)
