"""Rewrites the author's module so that each statement is contained: `instrument(source) -> Program`.

Every statement of the module and of its functions is guarded. When one fails, the runtime (`execute.Runtime`) decides
whether the run goes on; then the names that the statement would have bound become Unknown. Tests, loops and `with`
items go through the runtime as well, so that an unknown condition runs both branches and no loop runs for ever.
Class bodies, lambdas and comprehensions stay as they are. The author's nodes keep their positions, so tracebacks
and `co_positions()` speak of the author's own text.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Optional

from .. import comments
from ..comments import Spec

RUNTIME = "__kls__"
"""The name under which the runtime is reachable from the rewritten code."""

_GUARD = ("__kls_t", "__kls_b", "__kls_a", "__kls_c", "__kls_g", "__kls_i")


@dataclass
class Statement:
    """One statement of the author's text: its place, the names it binds, and of a loop those it may change in place."""

    node: ast.stmt
    targets: tuple[str, ...]
    mutates: tuple[str, ...] = ()
    names: tuple[ast.Name, ...] = ()
    scope: str = ""


@dataclass
class Program:
    """The rewritten module and what its statement numbers stand for."""

    tree: ast.Module
    statements: list[Statement] = field(default_factory=list)
    top: set[int] = field(default_factory=set)
    """The numbers of the statements that stand at the module's own top level."""
    specs: list[Spec] = field(default_factory=list)
    """What the author's comments say of names; the rewritten code speaks of them by place."""
    entries: Optional[ast.Module] = None
    """The calls that the author's comments ask for, to be made when the module is through."""
    functions: list[tuple[ast.stmt, range]] = field(default_factory=list)
    """The functions, each with the numbers of the statements in its body."""
    ignored: dict[int, int] = field(default_factory=dict)
    """The numbers of statements that an `ignore` speaks of, with its line."""


def instrument(source: str, path: str, entry: bool = False) -> Program:
    """The guarded module of `source`, with what its `# kls:` comments say; probes among them count in the `entry`.

    Raises SyntaxError as `ast.parse` does.
    """
    tree = ast.parse(source, path)
    if path.endswith(".ipynb"):
        tree.body.sort(key=lambda node: not _is_future(node))  # each cell of a notebook may begin with one
    told = comments.read(source)
    program = Program(tree, specs=comments.place(tree, told)[0])
    entries = ast.Module(comments.probes(source, told) if entry else [], [])
    _pass_unknown(tree, entries)
    _give_shapes(tree, entries)
    _Expressions().visit(tree)
    rewriter = _Rewriter(program)
    rewriter.ignored = {comment.about: comment.line for comment in told if comment.kind == "ignore"}
    tree.body = rewriter.block(tree.body, top=True)
    ast.fix_missing_locations(tree)
    if entries.body:
        entries.body = rewriter.block([_with_arrays(node, rewriter.module_names) for node in entries.body])
        program.entries = ast.fix_missing_locations(entries)
    return program


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _with_arrays(node: ast.stmt, taken: set[str]) -> ast.stmt:
    """The call of a probe, in which `float32[28, 28]` stands for an array where the module has no such name."""

    class Arrays(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.value, ast.Name) and node.value.id in set(comments.DTYPES) - taken:
                sizes = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                made = _runtime("made", ast.Constant(node.value.id), *sizes)
                return ast.fix_missing_locations(ast.copy_location(made, node))
            return node

    return Arrays().visit(node)


def bound_names(node: ast.AST) -> list[ast.Name]:
    """The plain names that `node` binds in its own scope, in order of appearance."""
    found: list[ast.Name] = []

    def visit(item: ast.AST) -> None:
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            found.append(item)
        elif isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append(ast.copy_location(ast.Name(item.name, ast.Store()), item))
            return
        elif isinstance(item, (ast.Import, ast.ImportFrom)):
            for alias in item.names:
                if alias.name != "*":
                    name = alias.asname or alias.name.split(".")[0]
                    found.append(ast.copy_location(ast.Name(name, ast.Store()), item))
        elif isinstance(item, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            return
        for child in ast.iter_child_nodes(item):
            visit(child)

    visit(node)
    return found


def _mutated_names(node: ast.AST) -> tuple[str, ...]:
    """Names whose objects `node` may change in place: `a.append(…)`, `a[i] = …`, `a.b = …`, `a += …`. What belongs to
    an object is named with it as well: `self.words.append(…)` may change `self` and `self.words`."""
    names: set[str] = set()
    for item in ast.walk(node):
        base: Optional[ast.expr] = None
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute):
            if item.func.attr in ("append", "extend", "insert", "update", "add", "pop", "remove", "setdefault"):
                base = item.func.value
        elif isinstance(item, ast.Subscript) and isinstance(item.ctx, ast.Store):
            base = item.value
        elif isinstance(item, ast.AugAssign):
            base = item.target
        while isinstance(base, (ast.Subscript, ast.Attribute)):
            if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
                names.add(f"{base.value.id}.{base.attr}")
            base = base.value
        if isinstance(base, ast.Name):
            names.add(base.id)
    return tuple(sorted(names))


def _tables_changed(node: ast.AST) -> set[str]:
    """Names of tables that `node` changes in place: `a.drop(…, inplace=True)`, `del a["b"]`."""
    changed: set[str] = set()
    for item in ast.walk(node):
        base: Optional[ast.expr] = None
        if isinstance(item, ast.Call) and any(key.arg == "inplace" for key in item.keywords):
            base = item.func.value if isinstance(item.func, ast.Attribute) else None
        elif isinstance(item, ast.Subscript) and isinstance(item.ctx, ast.Del):
            base = item.value
        if isinstance(base, ast.Name):
            changed.add(base.id)
    return changed


PASSING = frozenset(
    "len int float abs round min max sum sorted range enumerate zip map list tuple dict set reversed any all"
    " isinstance".split()
)
"""Built-in functions that demand a value of what they are given; of an Unknown they are Unknown, or, of what its class
is, what is known."""


def _pass_unknown(tree: ast.Module, entries: ast.Module) -> None:
    """Have calls of PASSING go through the runtime, where no name of the module hides the built-in one."""
    stored: set[str] = set()
    calls: list[ast.Call] = []
    for item in (*ast.walk(tree), *ast.walk(entries)):
        if isinstance(item, ast.Name):
            if isinstance(item.ctx, ast.Store):
                stored.add(item.id)
        elif isinstance(item, ast.arg):
            stored.add(item.arg)
        elif isinstance(item, (ast.FunctionDef, ast.ClassDef)):
            stored.add(item.name)
        elif isinstance(item, ast.Call):
            calls.append(item)
    for item in calls:
        if isinstance(item.func, ast.Name) and item.func.id in PASSING - stored:
            place = item.func
            passing = ast.Attribute(_name(RUNTIME), "passing", ast.Load())
            item.func = ast.Subscript(passing, ast.Constant(place.id), ast.Load())
            for node in ast.walk(item.func):
                ast.copy_location(node, place)


class _Expressions(ast.NodeTransformer):
    """Has expressions that demand a value go on with what nobody knows: a list that is made of the items of something
    else goes round once, and a choice of two numbers is a number."""

    def __init__(self) -> None:
        self.count = 0

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        first = node.generators[0]
        if first.is_async or any(isinstance(item, ast.NamedExpr) for item in ast.walk(node)) or _is_bound(first.iter):
            return node
        self.count += 1
        number = ast.Constant(self.count)
        first.iter = _lists(first.iter, "drawn", number, _lambda(first.iter), _structure(first.target))
        first.ifs = [_lists(test, "kept", number, test) for test in first.ifs]
        return _lists(node, "gathered", number, node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for item in node.body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):  # nothing else sees its names
                self.visit(item)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        numbers = [item.value for item in (node.body, node.orelse) if isinstance(item, ast.Constant)]
        if len(numbers) == 2 and all(type(value) in (int, float) for value in numbers):
            return _lists(node.test, "chosen", node.test, node.body, node.orelse)
        return node


def _is_bound(node: ast.expr) -> bool:
    """Whether an expression means something else in a function of its own."""
    return any(
        isinstance(item, (ast.Await, ast.Yield, ast.YieldFrom))
        or (isinstance(item, ast.Name) and item.id in ("super", "__class__", "locals", "vars", "dir"))
        for item in ast.walk(node)
    )


def _lists(place: ast.expr, method: str, *arguments: ast.expr) -> ast.Call:
    """A call of `gathering.Lists`, which stands where `place` does, with all that was made for it."""
    lists = ast.Attribute(_name(RUNTIME), "lists", ast.Load())
    call = _at(place, ast.Call(ast.Attribute(lists, method, ast.Load()), list(arguments), []))
    for argument in arguments:
        for item in ast.walk(argument):
            if isinstance(item, (ast.expr, ast.arg)) and not hasattr(item, "lineno"):
                ast.copy_location(item, place)
    return call


def _give_shapes(tree: ast.Module, entries: ast.Module) -> None:
    """Have what is reshaped go through the runtime: `x` in `x.reshape(…)` and in `np.reshape(x, …)`."""
    for item in (*ast.walk(tree), *ast.walk(entries)):
        if not (isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.func.attr == "reshape"):
            continue
        item.func.value = _at(item.func.value, _runtime("flat", item.func.value))
        if item.args and not isinstance(item.args[0], (ast.Starred, ast.Constant, ast.Tuple, ast.List)):
            item.args[0] = _at(item.args[0], _runtime("flat", item.args[0]))


_READERS = frozenset(
    "fit evaluate predict train_on_batch test_on_batch predict_on_batch summary save save_weights export get_layer "
    "load_weights set_weights "
    "get_config to_json count_params print show plot savefig info debug warning log write close run".split()
)
"""Methods whose failure leaves their object as it was, or all that is to be known of it."""


def _changed_places(node: ast.stmt) -> list[ast.Name | ast.Attribute]:
    """What a failed `node` leaves half done: `self.x` in `self.x = …`, `model` in `model.add(…)`."""
    places: list[ast.Name | ast.Attribute] = []
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for item in ast.walk(target):
                if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store):
                    places.append(item)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute) and function.attr not in _READERS:
            if isinstance(function.value, ast.Name):
                places.append(function.value)
            elif isinstance(function.value, ast.Attribute) and isinstance(function.value.value, ast.Name):
                places.append(function.value)
    return places


def _counted_attributes(node: ast.stmt) -> tuple[str, ...]:
    """What `node` counts on an object: "self.number" for `self.number += 1`."""
    targets = [item.target for item in ast.walk(node) if isinstance(item, ast.AugAssign)]
    return tuple(
        f"{target.value.id}.{target.attr}"
        for target in targets
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
    )


def _stored(node: ast.stmt) -> Optional[ast.expr]:
    """The key of `a[key] = …`, where looking it up again does nothing else; None for any other statement."""
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if not (isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name)):
        return None
    return target.slice if isinstance(target.slice, (ast.Constant, ast.Name)) else None


def _name(identifier: str, store: bool = False) -> ast.Name:
    return ast.Name(identifier, ast.Store() if store else ast.Load())


def _runtime(method: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(_name(RUNTIME), method, ast.Load()), list(arguments), [])


def _at(place: ast.expr, call: ast.Call) -> ast.Call:
    """`call`, which stands where `place` does. Python takes a call of a method to be on the last line of the method's
    name, which therefore must have one line only."""
    for item in ast.walk(call.func):
        ast.copy_location(item, place)
        item.end_lineno, item.end_col_offset = place.lineno, place.col_offset  # type: ignore[attr-defined]
    return ast.copy_location(call, place)


def _constants(values: tuple[str, ...]) -> ast.Tuple:
    return ast.Tuple([ast.Constant(value) for value in values], ast.Load())


class _Rewriter:
    """One walk over a module; numbers its statements."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.scope: list[str] = []
        self.top = {id(node) for node in program.tree.body}
        self.tests: list[str] = []
        self.locals: list[set[str]] = []
        """The local names of the functions being rewritten, innermost last; empty at module level."""
        self.module_names = {name.id for name in bound_names(program.tree)}
        self.specs: dict[tuple[int, bool], list[int]] = {}
        """Places in `program.specs` by the statement and whether they take effect after it."""
        for place, spec in enumerate(program.specs):
            self.specs.setdefault((id(spec.statement), spec.after), []).append(place)
        self.ignored: dict[int, int] = {}
        """Lines that an `ignore` speaks of, with the line of the comment."""

    def block(self, body: list[ast.stmt], top: bool = False) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for index, node in enumerate(body):
            docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            first = top and (docstring or _is_future(node))
            before, after = (self._given(node, where) for where in (False, True))
            if not first:
                out.extend(before)
            if first or isinstance(node, (ast.Pass, ast.Break, ast.Continue, ast.Global, ast.Nonlocal)):
                out.append(node)
            else:
                out.extend(self.statement(node))
            out.extend((*before, *after) if first else after)
        return out

    def _given(self, node: ast.stmt, after: bool) -> list[ast.stmt]:
        """Gives the names their specs that the author's comments speak of before or after `node`."""
        made: list[ast.stmt] = []
        for place in self.specs.get((id(node), after), ()):
            name = self.program.specs[place].comment.name
            given = _runtime("given", ast.Constant(place), _lambda(_name(name)))
            made.append(ast.copy_location(ast.Assign([_name(name, store=True)], given), node))
        return made

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.If):
            made = self._if(node)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            made = self._for(node)
        elif isinstance(node, ast.While):
            made = self._while(node)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            made = self._with(node)
        elif isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            made = self._try(node)  # type: ignore[arg-type]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node)
            made = self._guarded(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
            made = self._guarded(node)
        elif isinstance(node, ast.Return):
            made = self._return(node)
        elif isinstance(node, ast.Raise) and self.locals:
            # In a function it is the caller's statement that ends here.
            made = [node]
        else:
            made = self._guarded(node)
        return [ast.copy_location(item, node) if not hasattr(item, "lineno") else item for item in made]

    def _number(self, node: ast.stmt, names: Optional[list[ast.Name]] = None) -> ast.Constant:
        names = bound_names(node) if names is None else names
        targets = tuple(dict.fromkeys(name.id for name in names))
        mutates = _mutated_names(node) if isinstance(node, (ast.For, ast.AsyncFor, ast.While)) else ()
        self.program.statements.append(Statement(node, targets, mutates, tuple(names), ".".join(self.scope)))
        if id(node) in self.top:
            self.program.top.add(len(self.program.statements) - 1)
        for line in range(node.lineno, _last_line_of_head(node) + 1) if self.ignored else ():
            if line in self.ignored:
                self.program.ignored[len(self.program.statements) - 1] = self.ignored[line]
        return ast.Constant(len(self.program.statements) - 1)

    def _handler(self, number: ast.Constant, targets: tuple[str, ...], node: ast.stmt) -> ast.ExceptHandler:
        unknown: list[ast.stmt] = [
            ast.Assign([_name(target, store=True)], _runtime("unknown", number, ast.Constant(target)))
            for target in targets
        ]
        decide = ast.If(_runtime("contains", number), unknown or [ast.Pass()], [ast.Raise(None, None)])
        return ast.ExceptHandler(_name("BaseException"), None, [decide])

    def _guarded(self, node: ast.stmt) -> list[ast.stmt]:
        """`node` alone, contained; what it would have set, or changed by a method call, becomes Unknown."""
        number = self._number(node)
        statement = self.program.statements[-1]
        after: list[ast.stmt] = []
        handler = self._handler(number, statement.targets, node)
        decide = handler.body[0]
        assert isinstance(decide, ast.If)
        for place in _changed_places(node):
            if isinstance(place, ast.Name) and self.locals and place.id not in self.locals[-1]:
                decide.body.append(ast.Expr(_runtime("forget", number, ast.Constant(place.id))))
            elif isinstance(place, ast.Name):
                changed = _runtime("changed", number, _lambda(_name(place.id)))
                decide.body.append(ast.Assign([_name(place.id, store=True)], changed))
            else:
                put = _runtime("put", number, _lambda(place.value), ast.Constant(place.attr))
                decide.body.append(ast.Expr(put))
        said = {ast.unparse(place) for place in _changed_places(node)} | set(statement.targets)
        decide.body += self._left(number, [name for name in _mutated_names(node) if name not in said], _stored(node))
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)) and statement.names:
            values = ast.Tuple([_name(name.id) for name in statement.names], ast.Load())
            if not (isinstance(node, ast.AnnAssign) and node.value is None):
                after = [ast.Expr(_runtime("bound", number, values))]
        start = ast.Expr(_runtime("at", number))
        return [start, ast.Try([node], [handler], after, [])]

    def _return(self, node: ast.Return) -> list[ast.stmt]:
        number = self._number(node)
        value = node.value or ast.Constant(None)
        open_tests = ast.Tuple([_name(test) for test in self.tests], ast.Load())
        node.value = ast.copy_location(_runtime("returned", value, open_tests), node) if self.tests else node.value
        left = self._left(number, list(_mutated_names(node)))
        decide = ast.If(
            _runtime("contains", number), [*left, ast.Return(_runtime("unknown", number))], [ast.Raise(None, None)]
        )
        handler = ast.ExceptHandler(_name("BaseException"), None, [decide])
        return [ast.Expr(_runtime("at", number)), ast.Try([node], [handler], [], [])]

    def _if(self, node: ast.If) -> list[ast.stmt]:
        names = list(dict.fromkeys(name.id for item in [*node.body, *node.orelse] for name in bound_names(item)))
        number = self._number(node, [ast.copy_location(_name(name, store=True), node) for name in names])
        test, before, after = (f"{prefix}{number.value}" for prefix in _GUARD[:3])
        leaves = isinstance(node.body[-1], (ast.Raise, ast.Break, ast.Continue)) or _is_exit(node.body[-1])
        value = _at(node.test, _runtime("test", number, node.test, ast.Constant(leaves)))
        evaluate = ast.Try(
            [ast.Assign([_name(test, store=True)], value)],
            [
                ast.ExceptHandler(
                    _name("BaseException"),
                    None,
                    [
                        ast.If(
                            _runtime("contains", number),
                            [ast.Assign([_name(test, store=True)], ast.Constant(False if leaves else None))],
                            [ast.Raise(None, None)],
                        )
                    ],
                )
            ],
            [],
            [],
        )
        self.tests.append(test)
        body, orelse = self.block(node.body), self.block(node.orelse)
        self.tests.pop()
        unknown = ast.Compare(_name(test), [ast.Is()], [ast.Constant(None)])
        peek = _runtime("peek", ast.Call(_name("locals"), [], []), _constants(tuple(names)))
        restore: list[ast.stmt] = [
            ast.Assign([_name(name, store=True)], _runtime("pick", _name(before), ast.Constant(name))) for name in names
        ]
        merge: list[ast.stmt] = [
            ast.Assign(
                [_name(name, store=True)], _runtime("merge", number, _name(after), ast.Constant(name), _name(name))
            )
            for name in names
        ]
        out: list[ast.stmt] = [ast.Expr(_runtime("at", number)), evaluate]
        if names:
            out.append(ast.If(unknown, [ast.Assign([_name(before, store=True)], peek)], []))
        held, grown = self._grown_in_both(node, names), f"{_GUARD[4]}{number.value}"
        if held:
            everything = _runtime("peek_all", ast.Call(_name("locals"), [], []), _constants(held))
            out.append(ast.If(unknown, [ast.Assign([_name(grown, store=True)], _runtime("hold", everything))], []))
        not_false = ast.Compare(_name(test), [ast.IsNot()], [ast.Constant(False)])
        not_true = ast.Compare(_name(test), [ast.IsNot()], [ast.Constant(True)])
        out.append(ast.If(not_false, body, []))
        if names:
            out.append(ast.If(unknown, [ast.Assign([_name(after, store=True)], peek), *restore], []))
        if held:
            out.append(ast.If(unknown, [ast.Expr(_runtime("rewind", _name(grown)))], []))
        if orelse:
            out.append(ast.If(not_true, orelse, []))
        if held:
            settle: list[ast.stmt] = [
                ast.Assign(
                    [_name(name, store=True)], _runtime("settle", number, _name(grown), ast.Constant(name), _name(name))
                )
                for name in held
            ]
            out.append(ast.If(unknown, settle, []))
        if names:
            out.append(ast.If(unknown, merge, []))
        if counted := _counted_attributes(node):
            now = ast.Call(_name("locals"), [], [])
            recount = ast.Expr(_runtime("after_changes", number, _constants(counted), now))
            out.append(ast.If(unknown, [recount], []))
        return out

    def _grown_in_both(self, node: ast.If, bound: list[str]) -> tuple[str, ...]:
        """Names of this scope whose objects both branches change in place, or that are tables and one of them changes,
        and that neither binds."""
        known = self.locals[-1] if self.locals else self.module_names
        both = set(_mutated_names(ast.Module(node.body, []))) & set(_mutated_names(ast.Module(node.orelse, [])))
        return tuple(sorted(((both | _tables_changed(node)) & known) - set(bound)))

    def _for(self, node: ast.For | ast.AsyncFor) -> list[ast.stmt]:
        number = self._number(node)
        statement = self.program.statements[-1]
        before: list[ast.stmt] = []
        if isinstance(node, ast.For):
            items = f"{_GUARD[5]}{number.value}"
            evaluate = ast.Assign([_name(items, store=True)], node.iter)
            before.append(ast.Try([evaluate], [self._handler(number, (items,), node)], [], []))
            node.iter = ast.copy_location(_runtime("each", number, _name(items), _structure(node.target)), node.iter)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        start, *rest = self._loop(node, number, statement)
        return [start, *before, *rest]

    def _while(self, node: ast.While) -> list[ast.stmt]:
        number = self._number(node)
        statement = self.program.statements[-1]
        start = ast.Expr(_runtime("loop", number))
        node.test = _at(node.test, _runtime("again", number, node.test))
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        return [start, *self._loop(node, number, statement)]

    def _loop(self, node: ast.stmt, number: ast.Constant, statement: Statement) -> list[ast.stmt]:
        names = tuple(dict.fromkeys((*statement.targets, *statement.mutates)))
        forget: list[ast.stmt] = [
            ast.Assign(
                [_name(name, store=True)],
                _runtime("after_cut", number, ast.Constant(name), ast.Call(_name("locals"), [], [])),
            )
            for name in names
            if name in statement.targets
        ]
        changed = self._changed(number, statement)
        forget += changed
        after: list[ast.stmt] = [ast.If(_runtime("was_cut", number), forget, [])] if forget else []
        handler = self._handler(number, statement.targets, node)
        decide = handler.body[0]
        assert isinstance(decide, ast.If)
        decide.body += self._changed(number, statement)
        return [ast.Expr(_runtime("at", number)), ast.Try([node], [handler], after, [])]

    def _changed(self, number: ast.Constant, statement: Statement) -> list[ast.stmt]:
        """Makes the containers Unknown that a loop fills and did not fill to its end."""
        return self._left(number, [name for name in statement.mutates if name not in statement.targets])

    def _left(self, number: ast.Constant, names: list[str], key: Optional[ast.expr] = None) -> list[ast.stmt]:
        """Makes those of `names` Unknown that are containers, which the statement did not change as it should have;
        of one that it only gives an item, the item at `key`."""
        known = self.locals[-1] if self.locals else self.module_names
        now = ast.Call(_name("locals"), [], [])
        made: list[ast.stmt] = []
        for name in names:
            if name in known:
                item = [] if key is None else [_lambda(key)]
                changed = _runtime("after_change", number, ast.Constant(name), now, *item)
                made.append(ast.Assign([_name(name, store=True)], changed))
        rest = tuple(name for name in names if name not in known)
        if rest:
            made.insert(0, ast.Expr(_runtime("after_changes", number, _constants(rest), now)))
        return made

    def _with(self, node: ast.With | ast.AsyncWith) -> list[ast.stmt]:
        number = self._number(node, [])
        out: list[ast.stmt] = [ast.Expr(_runtime("at", number))]
        for index, item in enumerate(node.items):
            if index:
                break
            manager = f"{_GUARD[3]}{number.value}"
            evaluate = ast.Assign([_name(manager, store=True)], _runtime("context", number, item.context_expr))
            out.append(ast.Try([evaluate], [self._handler(number, (manager,), node)], [], []))
            item.context_expr = ast.copy_location(_name(manager), item.context_expr)
        node.body = self.block(node.body)
        names = tuple(dict.fromkeys(name.id for name in bound_names(node) if not name.id.startswith("__kls_")))
        closed: list[ast.stmt] = [ast.Expr(_runtime("try_close", number))]
        out.append(ast.Try([node], [self._handler(number, names, node)], closed, []))
        return out

    def _try(self, node: ast.Try) -> list[ast.stmt]:
        number = self._number(node, [])
        kinds = [handler.type for handler in node.handlers if handler.type is not None]
        bare = any(handler.type is None for handler in node.handlers)
        caught = _lambda(ast.Tuple([*kinds, *([_name("BaseException")] if bare else [])], ast.Load()))
        node.body = [
            ast.copy_location(ast.Expr(_runtime("try_open", number, caught)), node),
            *self.block(node.body),
            ast.copy_location(ast.Expr(_runtime("try_close", number)), node),
        ]
        for handler in node.handlers:
            handler.body = [
                ast.copy_location(ast.Expr(_runtime("try_close", number)), handler),
                *self.block(handler.body),
            ]
        node.orelse = self.block(node.orelse)
        node.finalbody = self.block(node.finalbody)
        if node.finalbody:
            node.finalbody.insert(0, ast.copy_location(ast.Expr(_runtime("try_close", number)), node))
        names = tuple(dict.fromkeys(name.id for name in bound_names(node) if not name.id.startswith("__kls_")))
        handler = self._handler(number, names, node)
        return [ast.Expr(_runtime("at", number)), ast.Try([node], [handler], [], [])]

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.scope.append(node.name)
        tests, self.tests = self.tests, []
        self.locals.append(_local_names(node))
        first = node.body[:1]
        docstring = bool(first) and isinstance(first[0], ast.Expr) and isinstance(first[0].value, ast.Constant)
        begin = len(self.program.statements)
        rest = self.block(node.body[1:] if docstring else node.body)
        self.program.functions.append((node, range(begin, len(self.program.statements))))
        node.body = [*(first if docstring else []), *rest] or [ast.Pass()]
        self.tests = tests
        self.locals.pop()
        self.scope.pop()

    def _class(self, node: ast.ClassDef) -> None:
        self.scope.append(node.name)
        for item in node.body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._function(item)
            elif isinstance(item, ast.ClassDef):
                self._class(item)
        self.scope.pop()


def _local_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The parameters and the names that a function binds, less those it declares global or nonlocal."""
    arguments = node.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {item.arg for item in given if item is not None}
    for item in node.body:
        names |= {name.id for name in bound_names(item)}
    for item in ast.walk(node):
        if isinstance(item, (ast.Global, ast.Nonlocal)):
            names -= set(item.names)
    return names


def _lambda(body: ast.expr) -> ast.Lambda:
    empty = ast.arguments(posonlyargs=[], args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[])
    return ast.Lambda(empty, body)


def _last_line_of_head(node: ast.stmt) -> int:
    """The last line of a statement, of one with a body the last before that."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return max(node.lineno, body[0].lineno - 1)
    return node.end_lineno or node.lineno


def _is_exit(node: ast.stmt) -> bool:
    """Whether `node` is `sys.exit(…)`, `exit()` or `quit()`."""
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    function: Any = node.value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("exit", "quit", "_exit", "abort")


def _structure(target: ast.expr) -> ast.expr:
    """The shape of a loop target as a literal: None for a name, a tuple for a tuple."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return ast.Tuple([_structure(item) for item in target.elts], ast.Load())
    return ast.Constant(None)
