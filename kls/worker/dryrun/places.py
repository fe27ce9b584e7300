"""Where in the author's text something happens: spans from frames, tracebacks and syntax trees.

The interpreter counts columns in UTF-8 bytes; spans count characters. `Files` holds the author's texts and converts.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
from types import CodeType, FrameType, TracebackType
from typing import Any, Optional

from .. import comments
from ..protocol import Source, Span

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _show_to_linecache(sources: tuple[Source, ...]) -> None:
    """Have `inspect.getsource`, and with it AutoGraph, read the editor's texts and never what is on disk."""
    # No time stamp: `linecache.checkcache` keeps such an entry.
    texts = {source.path: (len(source.text), None, _with_ends(source.text), source.path) for source in sources}
    linecache.cache.update(texts)
    from_disk = linecache.updatecache

    def updatecache(filename: str, module_globals: Optional[dict[str, Any]] = None) -> list[str]:
        # AutoGraph forgets entries on purpose: `_fix_linecache_record` of autograph/pyct/inspect_utils.py.
        if filename in texts:
            linecache.cache[filename] = texts[filename]
            return texts[filename][2]
        return from_disk(filename, module_globals)

    linecache.updatecache = updatecache


class Files:
    """The author's modules of one dry run, by path."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self._lines = {source.path: _split(source.text) for source in sources}
        self._main = sources[0]
        self._trees: dict[str, Optional[ast.Module]] = {}
        self._nodes: dict[str, dict[int, list[Any]]] = {}
        self._positions: dict[int, tuple[CodeType, list[Any]]] = {}
        _show_to_linecache(sources)

    def owns(self, path: str) -> bool:
        """Whether `path` is one of the author's modules."""
        return path in self._lines

    def span_of_node(self, path: str, node: Any) -> Span:
        """The span of a syntax tree node of `path`."""
        return Span(
            path,
            node.lineno,
            self._characters(path, node.lineno, node.col_offset),
            node.end_lineno or node.lineno,
            self._characters(path, node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
        )

    def span_of_code(self, code: CodeType, instruction: int) -> Optional[Span]:
        """The span of the expression that the byte offset `instruction` of `code` belongs to."""
        path = code.co_filename
        if path not in self._lines:
            return None
        if sys.version_info >= (3, 11):
            # By identity: hashing a code object reads all of it.
            if id(code) not in self._positions:
                self._positions[id(code)] = code, list(code.co_positions())
            places = self._positions[id(code)][1]
            place = places[instruction // 2] if 0 <= instruction // 2 < len(places) else (None,) * 4
            line, end_line, column, end_column = place
            if line is None or end_line is None or column is None or end_column is None:
                return None
            return Span(
                path,
                line,
                self._characters(path, line, column),
                end_line,
                self._characters(path, end_line, end_column),
            )
        return self._span_by_line(path, _line_of(code, instruction))

    def span_of_frame(self, frame: FrameType) -> Optional[Span]:
        """The span of what `frame` is executing."""
        return self.span_of_code(frame.f_code, frame.f_lasti)

    def nearest(self, frame: Optional[FrameType]) -> Optional[FrameType]:
        """`frame` or the closest caller of it that executes the author's text."""
        while frame is not None and frame.f_code.co_filename not in self._lines:
            frame = frame.f_back
        return frame

    def spans_of_error(self, error: BaseException) -> list[Span]:
        """The author's places that `error` came through, outermost first.

        A function that AutoGraph rewrote has no frames of its own in the traceback: the exception says its lines
        (`ag_error_metadata`, innermost first; tensorflow/python/autograph/impl/api.py).
        """
        spans: list[Span] = []
        entered: Optional[int] = None
        traceback = error.__traceback__
        while traceback is not None:
            span = self.span_of_code(traceback.tb_frame.f_code, traceback.tb_lasti)
            if span is not None:
                spans.append(span)
            elif entered is None and "tensorflow" in traceback.tb_frame.f_code.co_filename:
                entered = len(spans)
            traceback = traceback.tb_next
        stack = getattr(getattr(error, "ag_error_metadata", None), "translated_stack", None) or ()
        known = {(span.path, span.line) for span in spans}
        told = [(frame.filename, frame.lineno) for frame in reversed(stack)]
        rewritten = (self._span_by_line(*place) for place in told if self.owns(place[0]) and place not in known)
        place = len(spans) if entered is None else entered
        return [*spans[:place], *(span for span in rewritten if span is not None), *spans[place:]]

    def innermost(self, traceback: Optional[TracebackType]) -> Optional[Span]:
        """The last of the author's places in `traceback`."""
        found: Optional[Span] = None
        while traceback is not None:
            found = self.span_of_code(traceback.tb_frame.f_code, traceback.tb_lasti) or found
            traceback = traceback.tb_next
        return found

    def text(self, span: Span) -> str:
        """The author's text of `span`; lines joined by newlines."""
        lines = self._lines[span.path][span.line - 1 : span.end_line]
        if not lines:
            return ""
        lines = [*lines[:-1], lines[-1][: span.end_column]]
        return "\n".join([lines[0][span.column :], *lines[1:]])

    def tree(self, path: str) -> Optional[ast.Module]:
        """The syntax tree of `path` as the author wrote it, None when it does not parse. The calls that the entry's
        comments ask for are its last statements."""
        if path not in self._trees:
            try:
                tree = self._trees[path] = ast.parse("\n".join(self._lines[path]))
                if path == self._main.path:
                    tree.body += comments.probes(self._main.text, comments.read(self._main.text))
            except comments.UNPARSED:
                self._trees[path] = None
        return self._trees[path]

    def nodes_from(self, path: str, line: int) -> list[Any]:
        """The statements and expressions of `path` that begin on `line`, outer ones first."""
        if path not in self._nodes:
            by_line = self._nodes[path] = {}
            tree = self.tree(path)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, (ast.stmt, ast.expr)):
                    by_line.setdefault(node.lineno, []).append(node)
        return self._nodes[path].get(line, [])

    def call_at(self, span: Span) -> Optional[ast.Call]:
        """The call expression that covers exactly `span`."""
        for node in self.nodes_from(span.path, span.line):
            if isinstance(node, ast.Call) and self.span_of_node(span.path, node) == span:
                return node
        return None

    def span_of_line(self, path: str, line: int) -> Optional[Span]:
        """The span of the statement that begins on `line`."""
        found = [node for node in self.nodes_from(path, line) if isinstance(node, ast.stmt)]
        return self.span_of_node(path, found[0]) if found else None

    def _span_by_line(self, path: str, line: int) -> Optional[Span]:
        """Before Python 3.11 only the line is known: the outermost call that starts on it, else the statement."""
        best: Optional[Any] = None
        for node in self.nodes_from(path, line):
            if isinstance(node, (ast.Call, ast.stmt)):
                if best is None or (isinstance(node, ast.Call) and not isinstance(best, ast.Call)):
                    best = node
        return None if best is None else self.span_of_node(path, best)

    def _characters(self, path: str, line: int, column: int) -> int:
        lines = self._lines[path]
        if not 1 <= line <= len(lines):
            return column
        text = lines[line - 1]
        if text.isascii():
            return column
        return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))


def from_home(text: str) -> str:
    """Words without the folder that is a dry run's home and holds its temporary files: it is there for one run only."""
    home = os.path.expanduser("~") + os.sep
    return text if home == f"~{os.sep}" else text.replace(home, f"~{os.sep}")


def is_own(path: str) -> bool:
    """Whether a frame's file belongs to the dry run itself."""
    return path.startswith(_OWN)


def _split(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _with_ends(text: str) -> list[str]:
    return [line + "\n" for line in _split(text)]


def _line_of(code: CodeType, instruction: int) -> int:
    import dis

    line = code.co_firstlineno
    for offset, number in dis.findlinestarts(code):
        if offset > instruction:
            break
        line = number or line
    return line
