"""The records that the server side reasons with: sites in the source, findings, fixes.

`Span` (lines from 1, columns from 0 in characters) is the worker protocol's, so that facts need no conversion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from kls.worker.protocol import Span

__all__ = ["Edit", "Evidence", "Finding", "Fix", "Related", "Severity", "Site", "SiteKind", "Span"]


class Severity(Enum):
    """How loudly a finding speaks; the values are the words of the command line's JSON."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    HINT = "hint"


class Evidence(Enum):
    """How kls knows: see `docs/architecture.md`, "Findings"."""

    RAISED = "raised"
    WOULD_RAISE = "would-raise"
    NOT_YET = "not-yet"
    SILENT = "silent"
    ADVICE = "advice"
    STATIC = "static"


class SiteKind(Enum):
    """What a place in the source means to Keras."""

    MODEL = "model"
    LAYER = "layer"
    DATASET = "dataset"
    SINK = "sink"
    IMPORT = "import"
    CALL = "call"
    """Another call that a rule may want to read, or that computes with tensors."""


@dataclass(frozen=True)
class Site:
    """A place in the source that kls cares about.

    `name` is the resolved public name ("keras.layers.Dense", "keras.datasets.mnist.load_data", "fit"); `span` the
    whole call expression, `target` the callable part of it ("layers.Dense"). `variable` is the name the value is
    bound to, if it is bound to one.
    """

    kind: SiteKind
    name: str
    span: Span
    target: Span
    variable: str | None = None


@dataclass(frozen=True)
class Edit:
    """Replace the text of `span` (in the file `span.path`) by `text`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """A repair. `verified` is True when a dry run of the edited program was clean, False when it was not, None when
    it was not tried; `safe` when it cannot change what a working program means. `cause` is the place to blame when
    this is the repair that holds."""

    title: str
    edits: tuple[Edit, ...]
    verified: bool | None = None
    safe: bool = True
    cause: Span | None = None


@dataclass(frozen=True)
class Related:
    """Another place that takes part in a finding."""

    span: Span
    message: str


@dataclass(frozen=True)
class Finding:
    """One fault, at the place to edit. The first line of `message` stands alone."""

    code: str
    severity: Severity
    evidence: Evidence
    span: Span
    message: str
    related: tuple[Related, ...] = ()
    fixes: tuple[Fix, ...] = field(default=())
