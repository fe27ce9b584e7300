"""What a rule may ask: the report's records by key, the author's text, and where a value came from."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Site, Span
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Layer, Model, Report, Shape, Tensor, Variable


@dataclass(frozen=True)
class Rule:
    """A kind of fault. `code` is its name; `summary` one sentence for the table of rules."""

    code: str
    severity: Severity
    summary: str


@dataclass(frozen=True)
class Context:
    """One analysed program: its files by path, what the text says, and what the dry run reported."""

    main: str
    sources: Mapping[str, SourceText]
    sites: tuple[Site, ...]
    report: Report

    @cached_property
    def layers(self) -> dict[int, list[Layer]]:
        """The records of each layer, by key."""
        found: dict[int, list[Layer]] = {}
        for layer in self.report.layers:
            found.setdefault(layer.key, []).append(layer)
        return found

    @cached_property
    def models(self) -> dict[int, Model]:
        """The models by key."""
        return {model.key: model for model in self.report.models}

    def source(self, path: str) -> SourceText | None:
        """The text of one file of the program."""
        return self.sources.get(path)

    def text_of(self, span: Span | None) -> str:
        """The author's words at `span`, "" when there are none."""
        source = self.source(span.path) if span is not None else None
        return source.cut(span) if source is not None and span is not None else ""

    def call_node(self, span: Span | None) -> tuple[SourceText, ast.Call] | None:
        """The call expression at `span` and the file it stands in."""
        source = self.source(span.path) if span is not None else None
        node = source.at(span, ast.Call) if source is not None else None
        return None if source is None or node is None else (source, node)

    def sink(self, failure: Failure) -> Call | None:
        """The `fit`-like call in which `failure` arose."""
        return self.report.calls[failure.call] if failure.call is not None else None

    def model_of(self, call: Call) -> Model | None:
        """The model that `call` was made on."""
        return self.models.get(call.model) if call.model is not None else None

    def chain(self, argument: Argument | None, before: Span | None = None) -> list[Variable]:
        """The assignments of an argument's name, oldest first, up to the call."""
        if argument is None or argument.name is None:
            return []
        found = [item for item in self.report.variables if item.name == argument.name]
        if argument.span is not None and before is not None and not any(v.span == argument.span for v in found):
            earlier = [v for v in found if v.span.path != before.path or v.span.line <= before.line]
            found = earlier or found
        return found

    def origin(self, argument: Argument | None) -> Variable | None:
        """The assignment that gave an argument the shape it has at the call."""
        chain = self.chain(argument)
        if argument is None or not chain:
            return None
        same = [item for item in chain if item.object == argument.object]
        last = same[-1] if same else chain[-1]
        return last

    def first_layers(self, model: Model) -> list[Layer]:
        """The model's layers in order, one record each."""
        return [self.layers[key][0] for key in model.layers if key in self.layers]

    def producer(self, layer: Layer) -> Layer | None:
        """The layer whose output went into `layer`, judged by the author's text."""
        for model in self.report.models:
            if layer.key in model.layers and model.kind == "sequential":
                index = model.layers.index(layer.key)
                return (
                    self.layers[model.layers[index - 1]][0]
                    if index and model.layers[index - 1] in self.layers
                    else None
                )
        return None


def argument_of(call: Call, role: str) -> Argument | None:
    """The argument of `call` for `role`."""
    return next((item for item in call.arguments if item.role == role), None)


def single(tensors: tuple[Tensor, ...]) -> Tensor | None:
    """The one tensor of an argument that is not a structure."""
    return tensors[0] if len(tensors) == 1 else None


def show(shape: Shape) -> str:
    """A shape as people write it: `(None, 28, 28)`; `(?)` for an unknown rank."""
    if shape is None:
        return "(?)"
    inner = ", ".join(str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def size_of(shape: tuple[int | None, ...]) -> int | None:
    """The number of elements, None when an axis is not known."""
    return None if any(size is None for size in shape) else math.prod(size for size in shape if size is not None)


def compatible(given: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether `given` fits `wanted`, an unknown axis fitting all."""
    return len(given) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(given, wanted, strict=True)
    )


def finding(
    rule: Rule,
    context: Context,
    span: Span,
    message: str,
    *,
    call: Call | None = None,
    evidence: Evidence = Evidence.RAISED,
    severity: Severity | None = None,
    related: tuple[Related, ...] = (),
    fixes: tuple[Fix, ...] = (),
) -> Finding:
    """A finding of `rule`; one step quieter when the author has not written the call that would raise."""
    level = severity or rule.severity
    if call is not None and call.paired and level is Severity.ERROR:
        level, evidence = Severity.WARNING, Evidence.NOT_YET
        message = _not_yet(message)
        related = tuple(replace(item, message=item.message.replace("raises here", "would raise")) for item in related)
    return Finding(rule.code, level, evidence, span, message, related, fixes)


def _not_yet(message: str) -> str:
    first, _, rest = message.partition("\n")
    return f"{first}: `fit` would raise" + (f"\n{rest}" if rest else "")


def fix(title: str, *edits: Edit | None, cause: Span | None, safe: bool = True) -> list[Fix]:
    """A fix of all `edits`, or nothing when one of them could not be made."""
    made = [edit for edit in edits if edit is not None]
    if not made or len(made) != len(edits):
        return []
    return [Fix(title, tuple(made), None, safe, cause)]


def failed_layer(failure: Failure) -> Layer:
    """The failing layer as a record; a layer that failed has no other."""
    return Layer(
        failure.layer or 0,
        failure.layer_created,
        failure.layer_called,
        failure.layer_cls or "",
        failure.layer_name or "",
        failure.inputs,
        (),
        None,
        None,
        failure.facts.get("config") or {},
    )
