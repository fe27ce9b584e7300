"""Reads one module's parso tree statement by statement and follows names, aliases, classes and calls.

It is a light dataflow: what a name is bound to last counts, both branches of an `if` are read, a function's body once.
What it meets that means something to Keras it tells its `Listener`. It never fails on a half-written text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kls.find.expressions import Expressions, Listener, decorators, item, method_of, spelled
from kls.find.modules import statement_of
from kls.find.values import KNOWN, Class, Function, Instance, Ref, Scope, Value, best

_DEEPEST = 150


class Reader(Expressions):
    """Reads one module. `scope` holds its global names afterwards; `name` prefixes its classes ("" for the entry)."""

    def __init__(self, listener: Listener, name: str = "") -> None:
        super().__init__(listener)
        self.name = name
        self.scope = Scope(None, "module")
        self._pending: list[Function] = []
        self._classes: list[Class] = []
        self.branch = 0
        self._depth = 0
        self._handlers: dict[str, Callable[[Any, Scope], None]] = {
            "simple_stmt": self._block,
            "suite": self._block,
            "async_stmt": self._block,
            "async_funcdef": self._block,
            "decorated": self._block,
            "error_node": self._block,
            "if_stmt": self._branches,
            "while_stmt": self._branches,
            "try_stmt": self._branches,
            "for_stmt": self._for,
            "with_stmt": self._with,
            "global_stmt": self._global,
            "nonlocal_stmt": self._global,
            "return_stmt": self._return,
            "expr_stmt": self._assignment,
            "import_name": self._import,
            "import_from": self._import,
            "funcdef": self._define,
            "classdef": self._class,
        }

    def read(self, trees: Iterable[Any], bodies: bool = True) -> None:
        """Read the module's statements and, unless only what others use of it matters, the bodies nobody called."""
        for tree in trees:
            self._block(tree, self.scope)
        if not bodies:
            return
        for cls in self._classes:
            self.ready(cls)
        while self._pending:
            self.result(self._pending.pop(0))

    def result(self, function: Function) -> Value:
        """What a call of the function returns; its body is read when it was not yet."""
        if function.reader not in (None, self):
            return function.reader.result(function)
        if function.state == "new" and self._depth < _DEEPEST:
            function.state = "busy"
            branch, self.branch = self.branch, 0
            self._body(function)
            self.branch = branch
            function.state = "done"
        return function.returns

    def _block(self, node: Any, scope: Scope) -> None:
        for child in node.children:
            try:
                self.statement(child, scope)
            except RecursionError:  # an expression nested hundreds deep says nothing about layers
                continue

    def statement(self, node: Any, scope: Scope) -> None:
        """Read a statement, or an expression that stands as one."""
        handler = self._handlers.get(node.type)
        if handler is not None:
            handler(node, scope)
        elif node.type not in ("operator", "keyword", "newline", "endmarker"):
            self.eval(node, scope)

    def _branches(self, node: Any, scope: Scope) -> None:
        self.branch += 1
        self._block(node, scope)
        self.branch -= 1

    def _for(self, node: Any, scope: Scope) -> None:
        children = node.children
        self.bind(children[1], item(self.eval(children[3], scope)), scope)
        self.branch += 1
        for child in children[4:]:
            self.statement(child, scope)
        self.branch -= 1

    def _with(self, node: Any, scope: Scope) -> None:
        for child in node.children:
            if child.type == "with_item":
                self.bind(child.children[2], self.eval(child.children[0], scope), scope)
            else:
                self.statement(child, scope)

    def _global(self, node: Any, scope: Scope) -> None:
        scope.outer.update(child.value for child in node.children if child.type == "name")

    def _return(self, node: Any, scope: Scope) -> None:
        if len(node.children) > 1:
            scope.returns.append(self.eval(node.children[1], scope))

    def _assignment(self, node: Any, scope: Scope) -> None:
        children = node.children
        second = children[1]
        if second.type == "annassign":
            if len(second.children) > 3:
                value = self.eval(second.children[3], scope, spelled(children[0]))
                self.bind(children[0], value, scope)
        elif second.type == "operator" and second.value == "=":
            value = self.eval(children[-1], scope, spelled(children[0]))
            for target in children[:-1:2]:
                self.bind(target, value, scope)
        else:
            for child in children:
                self.statement(child, scope)
            if second.type == "operator" and second.value.endswith("=") and len(children) == 3:
                self.bind(children[0], None, scope, weak=True)

    def _import(self, node: Any, scope: Scope) -> None:
        statements = statement_of(node)
        self.listener.imports(node, statements)
        for statement in statements:
            if statement.names is None:
                top = statement.module.partition(".")[0]
                value = Ref(statement.module if statement.alias else top)
                self.set(statement.alias or top, value, scope)
                continue
            module = self.listener.module(statement.module, statement.level)
            for name, alias in statement.names:
                if name != "*":
                    value = None if module is None else Ref(f"{module}.{name}" if module else name)
                    self.set(alias, value, scope)
                elif module is not None:
                    bound = self.listener.star(module)
                    scope.names.update(bound)
                    if not bound:
                        scope.stars.append(module)

    def _define(self, node: Any, scope: Scope) -> None:
        parameters: dict[str, Value] = {}
        for child in node.children[2].children:
            if child.type == "param":
                default = self.eval(child.default, scope) if child.default is not None else None
                said = self.eval(child.annotation, scope) if child.annotation is not None else None
                told = self.listener.annotated(said)
                parameters[child.name.value] = told if told is not None else None if default == KNOWN else default
        function = Function(node, scope, scope.cls if scope.kind == "class" else None, parameters, self)
        self._pending.append(function)
        self.set(node.name.value, function, scope)

    def _class(self, node: Any, scope: Scope) -> None:
        arguments = node.get_super_arglist()
        bases = tuple(self.arguments(arguments, scope)[0]) if arguments is not None else ()
        roles = [self.listener.role(base) for base in bases]
        role = next((wanted for wanted in ("model", "layer", "unknown") if wanted in roles), "other")
        inner = Scope(scope, "class")
        name = node.name.value if scope.cls is None else f"{scope.cls.name}.{node.name.value}"
        cls = Class(f"{self.name}.{name}" if self.name and scope.cls is None else name, role, bases, inner, reader=self)
        inner.cls = cls
        self._classes.append(cls)
        self.set(node.name.value, cls, scope)
        self.listener.defined(node, cls)
        self._block(node.children[-1], inner) if hasattr(node.children[-1], "children") else None

    def ready(self, cls: Class) -> None:
        """Read the methods that give a class its attributes."""
        if not cls.ready:
            cls.ready = True
            for name in ("__init__", "build"):
                method = cls.scope.names.get(name)
                if isinstance(method, Function):
                    self.result(method)
            for base in cls.bases:
                if isinstance(base, Class):
                    self.ready(base)

    def _body(self, function: Function) -> None:
        node = function.node
        scope = Scope(function.scope, "function", own=function.cls or method_of(function.scope))
        scope.names.update(function.parameters)
        names = list(function.parameters)
        if function.cls is not None and names and not _is_static(node):
            cls = function.cls
            scope.names[names[0]] = Instance(cls.role, cls.name, cls)
        body = node.children[-1]
        if hasattr(body, "children"):
            self._depth += 1
            self.statement(body, scope) if body.type != "suite" else self._block(body, scope)
            self._depth -= 1
        function.returns = best(scope.returns) if scope.returns else KNOWN


def _is_static(node: Any) -> bool:
    return any(text.endswith(("staticmethod", "classmethod")) for text in decorators(node))
