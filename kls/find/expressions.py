"""Reads expressions: what a name, an attribute, a call or a collection is, and binds targets to values."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, Protocol

from kls.find.modules import Import
from kls.find.values import KNOWN, Class, Function, Instance, Known, Many, Method, Ref, Scope, Super, Value, best

_BUILTINS = frozenset(dir(builtins))
_SAME = frozenset("list tuple reversed sorted set iter".split())
_LITERALS = frozenset("number string strings fstring keyword operator comparison not_test and_test".split())


class Listener(Protocol):
    """What the reader of a module asks and tells."""

    def called(self, node: Any, end: int, callee: Value, bound: str | None, chain: bool) -> Value:
        """`node` (an atom_expr) has a call as child number `end`; gives the call's value. `chain` says that the
        value is used on in the same expression."""
        ...

    def defined(self, node: Any, cls: Class) -> None:
        """A class statement was read."""
        ...

    def imports(self, node: Any, statements: Sequence[Import]) -> None:
        """An import statement was read."""
        ...

    def attribute(self, name: str, attribute: str) -> Value:
        """What `name.attribute` of an imported name is."""
        ...

    def follow(self, ref: Ref) -> Value:
        """What an imported name is, where it comes from a module of the project; else `ref` itself."""
        ...

    def module(self, module: str, level: int) -> str | None:
        """The absolute name of a module that is imported here."""
        ...

    def star(self, module: str) -> dict[str, Value]:
        """What `from module import *` binds."""
        ...

    def role(self, base: Value) -> str:
        """The role that a base class gives: "model", "layer", "other", "unknown"."""
        ...

    def annotated(self, annotation: Value) -> Value:
        """What a parameter with this annotation is; None where the annotation tells nothing."""
        ...

    def missing(self, name: str, node: Any, stars: Sequence[str]) -> Value:
        """A name that nothing binds, in a module that has star imports of unknown modules."""
        ...


class Expressions:
    """The half of a module's reader that knows expressions; statements and bodies are the other half's."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.branch = 0
        """How many conditional statements the reading is inside of."""

    def statement(self, node: Any, scope: Scope) -> None:
        """Read a statement, or an expression that stands as one."""
        raise NotImplementedError

    def result(self, function: Function) -> Value:
        """What a call of the function returns."""
        raise NotImplementedError

    def ready(self, cls: Class) -> None:
        """Read the methods that give a class its attributes."""
        raise NotImplementedError

    def lookup(self, value: Value, name: str) -> Value:
        """The attribute `name` of a value."""
        if isinstance(value, Ref):
            return self.listener.attribute(value.name, name)
        if isinstance(value, Instance):
            if value.cls is None:
                return Method(value, name)
            self.ready(value.cls)
            found = value.cls.find(name)
            if isinstance(found, Function) and is_property(found.node):
                return self.result(found)
            return found if found is not None else Method(value, name)
        if isinstance(value, Class):
            return value.find(name)
        if isinstance(value, Super):
            return Method(Instance("other", "super"), name)
        return KNOWN if isinstance(value, (Known, Many)) else None

    def bind(self, target: Any, value: Value, scope: Scope, weak: bool = False) -> None:
        """Bind the names of an assignment target; `weak` keeps what is known when the new value is not."""
        kind = target.type
        if kind == "name":
            self.set(target.value, value, scope, weak)
        elif kind in ("testlist_star_expr", "exprlist", "testlist_comp", "testlist"):
            parts = [child for child in target.children if child.type != "operator"]
            for index, part in enumerate(parts):
                self.bind(part, item(value, index), scope, weak)
        elif kind == "atom" and len(target.children) == 3:
            self.bind(target.children[1], value, scope, weak)
        elif kind == "star_expr":
            self.bind(target.children[1], None, scope, weak)
        elif kind in ("atom_expr", "power"):
            last = target.children[-1]
            owner = self._chain(target, len(target.children) - 1, scope, None)
            if last.type == "trailer" and last.children[0].value == ".":
                if isinstance(owner, Instance) and owner.cls is not None:
                    attributes, name = owner.cls.attributes, last.children[1].value
                    if value is not None or name not in attributes:
                        attributes[name] = value
            else:
                self.eval(last, scope)

    def set(self, name: str, value: Value, scope: Scope, weak: bool = False) -> None:
        """Bind one name; in a branch or when `weak`, an unknown value does not hide a known one."""
        if name in scope.outer:
            outer = scope.parent
            while outer is not None and name not in outer.names and outer.parent is not None:
                outer = outer.parent
            scope = outer or scope
        if (weak or self.branch) and (value is None or value == KNOWN):
            known = scope.names.get(name)
            if known is not None and (value is None or isinstance(known, Instance)):
                return
        scope.names[name] = value

    def _name(self, node: Any, scope: Scope) -> Value:
        name = node.value
        current: Scope | None = scope
        stars: list[str] = []
        while current is not None:
            if name in current.names and (current.kind != "class" or current is scope):
                value = current.names[name]
                return self.listener.follow(value) if isinstance(value, Ref) else value
            stars += current.stars
            current = current.parent
        if name in _BUILTINS:
            return Ref(f"builtins.{name}")
        return self.listener.missing(name, node, stars) if stars else None

    def eval(self, node: Any, scope: Scope, bound: str | None = None) -> Value:
        """The value of an expression, whose calls are told to the listener; `bound` is the name it is bound to."""
        kind = node.type
        if kind == "name":
            return self._name(node, scope)
        if kind in ("atom_expr", "power"):
            return self._chain(node, len(node.children), scope, bound)
        if kind == "atom":
            return self._atom(node, scope, bound)
        if kind == "namedexpr_test":
            value = self.eval(node.children[2], scope, spelled(node.children[0]))
            self.bind(node.children[0], value, scope)
            return value
        if kind in ("ternary", "test", "or_test"):
            values = [self.eval(child, scope, bound) for child in node.children if child.type != "keyword"]
            return best(values if kind == "or_test" else values[:1] + values[2:])
        if kind in ("lambdef", "lambdef_nocond"):
            return self._lambda(node, scope)
        if kind in ("testlist_star_expr", "testlist_comp", "testlist", "exprlist", "subscriptlist"):
            return self._collection(node, scope)
        if kind == "await_expr":
            return self.eval(node.children[-1], scope)
        for child in getattr(node, "children", ()):
            self.statement(child, scope)
        return KNOWN if kind in _LITERALS else None

    def _atom(self, node: Any, scope: Scope, bound: str | None) -> Value:
        if node.children[0].value not in ("(", "[", "{") if hasattr(node.children[0], "value") else True:
            return KNOWN  # adjacent strings
        inside = node.children[1:-1]
        if not inside:
            return Many(())
        opening = node.children[0].value
        if opening == "{":
            return self._dictionary(inside[0], scope)
        if inside[0].type in ("testlist_comp", "yield_expr"):
            return self._collection(inside[0], scope)
        value = self.eval(inside[0], scope, bound if opening == "(" else None)
        return value if opening == "(" else Many((value,))

    def _dictionary(self, node: Any, scope: Scope) -> Value:
        if node.type != "dictorsetmaker":
            return Many((self.eval(node, scope),))
        inner = self._comprehension(node, scope)
        values: list[Value] = []
        for index, child in enumerate(node.children):
            if child.type in ("sync_comp_for", "comp_for"):
                continue
            value = self.eval(child, inner)
            if index and getattr(node.children[index - 1], "value", "") == ":":
                values.append(value)
        return Many((best(values),), alike=True)

    def _collection(self, node: Any, scope: Scope) -> Value:
        inner = self._comprehension(node, scope)
        if inner is not scope:
            return Many((self.eval(node.children[0], inner),), alike=True)
        return Many(tuple(self.eval(child, scope) for child in node.children if child.type != "operator"))

    def _comprehension(self, node: Any, scope: Scope) -> Scope:
        """A scope with the names that the comprehension in `node` binds; `scope` itself where there is none."""
        last = node.children[-1]
        if last.type not in ("sync_comp_for", "comp_for"):
            return scope
        inner = Scope(scope, "function", own=method_of(scope))
        current: Any = last
        while current is not None:
            if current.type == "comp_for":
                current = current.children[-1]
            if current.type == "sync_comp_for":
                self.bind(current.children[1], item(self.eval(current.children[3], inner)), inner)
            else:  # comp_if
                self.eval(current.children[1], inner)
            following = current.children[-1]
            current = following if following.type in ("sync_comp_for", "comp_for", "comp_if") else None
        return inner

    def _lambda(self, node: Any, scope: Scope) -> Value:
        inner = Scope(scope, "function", own=method_of(scope))
        for child in node.children[1:-2]:
            if child.type == "param":
                inner.names[child.name.value] = None
        return Function(node, scope, state="done", returns=self.eval(node.children[-1], inner))

    def _chain(self, node: Any, count: int, scope: Scope, bound: str | None) -> Value:
        """The value of the first `count` children of an atom with trailers."""
        children = node.children
        start = 1 if children[0].type == "keyword" and children[0].value == "await" else 0
        value = self.eval(children[start], scope)
        for index in range(start + 1, count):
            trailer = children[index]
            if trailer.type != "trailer":  # a power: `a ** b`
                if trailer.type != "operator":
                    self.eval(trailer, scope)
                value = KNOWN
                continue
            opening = trailer.children[0].value
            if opening == ".":
                value = self.lookup(value, trailer.children[1].value)
            elif opening == "[":
                for child in trailer.children[1:-1]:
                    self.statement(child, scope)
                value = _subscript(value, trailer)
            else:
                last = index == len(children) - 1
                value = self._call(node, index, value, scope, bound, not last)
        return value

    def _call(self, node: Any, index: int, callee: Value, scope: Scope, bound: str | None, chain: bool) -> Value:
        trailer = node.children[index]
        inside = trailer.children[1] if len(trailer.children) > 2 else None
        given, named = self.arguments(inside, scope) if inside is not None else ([], {})
        if isinstance(callee, Ref) and callee.name.startswith(("builtins.", "functools.partial")):
            last = callee.name.rpartition(".")[2]
            if last == "super":
                own = method_of(scope)
                return Super(own) if own is not None else None
            if last == "partial" or last in _SAME:
                return given[0] if given else None
            if last in ("zip", "enumerate"):
                parts = [item(value) for value in given]
                return Many((Many(tuple([KNOWN, *parts] if last == "enumerate" else parts)),), alike=True)
            if last in ("getattr", "next", "map", "filter", "eval", "globals", "vars"):
                return None
            return KNOWN
        told = self.listener.called(node, index, callee, bound, chain)
        if isinstance(callee, Function):
            return self.result(callee) if callee.state != "busy" else None
        if isinstance(callee, Method) and callee.name == "append" and given:
            return KNOWN
        del named
        return told

    def arguments(self, node: Any, scope: Scope) -> tuple[list[Value], dict[str, Value]]:
        """The values of the arguments of a call, by position and by keyword."""
        given: list[Value] = []
        named: dict[str, Value] = {}
        for child in node.children if node.type == "arglist" else [node]:
            if child.type == "operator":
                continue
            if child.type != "argument":
                given.append(self.eval(child, scope))
                continue
            first, second = child.children[0], child.children[1]
            if getattr(second, "value", "") == "=":
                named[first.value] = self.eval(child.children[2], scope)
            elif second.type in ("sync_comp_for", "comp_for"):
                given.append(self._collection(child, scope))
            elif getattr(second, "value", "") == ":=":
                value = self.eval(child.children[2], scope)
                self.bind(first, value, scope)
                given.append(value)
            else:  # *args, **kwargs
                self.eval(child.children[-1], scope)
        return given, named


def spelled(target: Any) -> str | None:
    """The text of a target that is a plain or dotted name, else None."""
    if target.type == "name":
        return target.value
    if target.type in ("atom_expr", "power"):
        text = target.get_code(include_prefix=False)
        return text if all(part.isidentifier() for part in text.split(".")) else None
    return None


def item(value: Value, index: int | None = None) -> Value:
    """One item of a collection: number `index`, or whichever says most."""
    if not isinstance(value, Many):
        return None
    if value.alike and value.items:
        return value.items[0]
    if index is None:
        return best(value.items)
    return value.items[index] if index < len(value.items) else None


def _subscript(value: Value, trailer: Any) -> Value:
    inside = trailer.children[1] if len(trailer.children) == 3 else None
    if isinstance(value, Many):
        if inside is not None and inside.type == "number" and inside.value.isdigit():
            return item(value, int(inside.value))
        sliced = inside is not None and inside.type in ("subscript", "operator")
        return value if sliced else item(value)
    return KNOWN if isinstance(value, Known) else None


def method_of(scope: Scope | None) -> Class | None:
    """The class whose method the scope is in."""
    while scope is not None:
        if scope.own is not None:
            return scope.own
        scope = scope.parent
    return None


def decorators(node: Any) -> list[str]:
    """The text of each decorator of a function."""
    parent = node.parent
    if parent is None or parent.type not in ("decorated", "async_funcdef"):
        return []
    if parent.type == "async_funcdef":
        return decorators(parent)
    first = parent.children[0]
    found = first.children if first.type == "decorators" else [first]
    return [decorator.get_code(include_prefix=False).strip() for decorator in found]


def is_property(node: Any) -> bool:
    """Whether a function is read like an attribute."""
    return any(text.endswith(("@property", "cached_property")) for text in decorators(node))
