"""The JSON that other tools build on; `docs/json.md` is its manual. Every change of meaning raises VERSION."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from kls import describe, estimate, graph, hardware
from kls.analysis import Analysis
from kls.cli.places import Place, Places
from kls.documents import Snapshot
from kls.facts import Finding, Fix, Span
from kls.graph import Graph
from kls.hardware import Measured
from kls.worker.protocol import Report, Shape, Tensor

VERSION = 1
NO_SHAPES: dict[str, Any] = {"models": [], "calls": [], "variables": [], "graphs": []}
"""What `kls shapes` says of a file that it could not dry-run."""


def dump(value: dict[str, Any]) -> str:
    """The text of one object; ASCII, so that no terminal or pipe can spoil it."""
    return json.dumps({"version": VERSION, **value}, indent=2, ensure_ascii=True, allow_nan=False)


def finding(item: Finding, places: Places) -> dict[str, Any]:
    """One finding of `kls check`."""
    return {
        "code": item.code,
        "severity": item.severity.value,
        "evidence": item.evidence.value,
        "message": item.message,
        **_range(places.place(item.span)),
        "related": [_related(places.place(related.span), related.message) for related in item.related],
        "fixes": [_fix(fix, places) for fix in item.fixes],
    }


def step(measured: Measured, places: Places) -> dict[str, Any]:
    """What one real step told, and where the call stands; every field but `reason` is null where there was none."""
    done = measured.step
    where = {"line": None} if done is None else _start(places.place(done.span), column=False)
    return {**where, **hardware.as_json(measured)}


def shapes(found: Analysis, places: Places) -> dict[str, Any]:
    """The models, training calls, variables and graphs of one document; all empty without a dry run."""
    snapshot, report = found.snapshot, found.report
    if report is None:
        return NO_SHAPES
    return {
        "models": [_model(table, report, snapshot, places) for table in describe.tables(snapshot, report)],
        "calls": [
            {
                **_start(places.place(call.span), column=False),
                "method": call.method,
                "status": call.status,
                "reason": call.reason,
            }
            for call in report.calls
            if call.span.path == snapshot.path and not call.paired
        ],
        "variables": [
            {
                **_start(places.place(variable.span), column=False),
                "name": variable.name,
                "shape": _shape(variable.tensors),
                "dtype": _dtype(variable.tensors),
            }
            for variable in report.variables
            if variable.span.path == snapshot.path
        ],
        "graphs": [_graph(picture, places) for picture in graph.graphs(snapshot, report, found.findings)],
    }


def _graph(picture: Graph, places: Places) -> dict[str, Any]:
    return {
        "title": picture.title,
        "detail": picture.detail,
        "line": None if picture.span is None else places.place(picture.span).line,
        "finished": picture.finished,
        "nested": picture.nested,
        "boxes": [
            {
                "kind": box.kind,
                "title": box.title,
                "name": box.name,
                "parameters": box.parameters,
                "line": None if box.span is None else places.place(box.span).line,
                "graph": box.model,
            }
            for box in picture.boxes
        ],
        "arrows": [
            {"source": arrow.source, "target": arrow.target, "shape": arrow.label, "fault": arrow.fault}
            for arrow in picture.arrows
        ],
    }


def _model(table: describe.Table, report: Report, snapshot: Snapshot, places: Places) -> dict[str, Any]:
    model = table.model
    created = model.created
    return {
        "name": model.variable or model.name,
        **(_start(places.place(created), column=False) if created is not None else {"line": None}),
        "parameters": model.parameters,
        "layers": [_layer(row, snapshot, places) for row in table.rows],
        "memory_estimate": _memory(estimate.of_model(report, model)),
    }


def _memory(guess: estimate.Estimate | None) -> dict[str, Any] | None:
    if guess is None:
        return None
    return {
        "batch_size": guess.batch,
        "weights": dict(guess.weights),
        "gradients": dict(guess.gradients),
        "optimizer": dict(guess.optimizer),
        "activations": dict(guess.activations),
        "tensorflow": guess.graph,
        "total": guess.total,
    }


def _layer(row: describe.Row, snapshot: Snapshot, places: Places) -> dict[str, Any]:
    where: dict[str, Any] = {"line": None, "column": None}
    if row.line is not None and row.column is not None:
        where = _start(places.place(Span(snapshot.path, row.line, row.column, row.line, row.column)))
    return {
        **where,
        "class": row.cls,
        "name": row.name,
        "input_shape": _shape(row.inputs),
        "output_shape": _shape(row.outputs),
        "dtype": row.dtype,
        "parameters": row.parameters,
    }


def _shape(tensors: Sequence[Tensor]) -> Any:
    """The shape of one tensor, a list of shapes of several, null for none or an unknown rank."""
    return _one([_axes(tensor.shape) for tensor in tensors])


def _dtype(tensors: Sequence[Tensor]) -> Any:
    return _one([tensor.dtype for tensor in tensors])


def _one(values: Sequence[Any]) -> Any:
    return None if not values else values[0] if len(values) == 1 else list(values)


def _axes(shape: Shape) -> list[int | None] | None:
    return None if shape is None else list(shape)


def _fix(fix: Fix, places: Places) -> dict[str, Any]:
    edits: Iterable[tuple[Place, str]] = ((places.place(edit.span), edit.text) for edit in fix.edits)
    return {
        "title": fix.title,
        "verified": fix.verified,
        "edits": [{"path": place.path, **_range(place), "text": text} for place, text in edits],
    }


def _related(place: Place, message: str) -> dict[str, Any]:
    return {"path": place.path, **_start(place, column=False), "message": message}


def _range(place: Place) -> dict[str, Any]:
    return {**_start(place), "end_line": place.end_line, "end_column": place.end_column}


def _start(place: Place, column: bool = True) -> dict[str, Any]:
    cell = {} if place.cell is None else {"cell": place.cell}
    return {**cell, "line": place.line, **({"column": place.column} if column else {})}
