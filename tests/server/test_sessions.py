"""Whole sessions: a real client, the real server, the author's real TensorFlow in its sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest
from lsprotocol import types as lsp

from . import clients
from .clients import Editor

pytestmark = [pytest.mark.tf, pytest.mark.asyncio(loop_scope="module")]
PROGRAM = """\
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

x = np.zeros((32, 28, 28), "float32")
y = np.zeros((32,), "int64")
model = keras.Sequential([layers.Input((784,)), layers.Dense(64), layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y)
"""
FAULT = "input-shape"
WHOLE = lsp.Range(lsp.Position(0, 0), lsp.Position(100, 0))


def _apply(text: str, edit: lsp.WorkspaceEdit) -> str:
    """The document after an edit in UTF-16 of ASCII lines, last change first."""
    (change,) = edit.document_changes or ()
    assert isinstance(change, lsp.TextDocumentEdit)
    lines = text.split("\n")
    for one in sorted(change.edits, key=lambda item: (item.range.start.line, item.range.start.character), reverse=True):
        start, end = one.range.start, one.range.end
        after = lines[end.line][end.character :]
        lines[start.line : end.line + 1] = (lines[start.line][: start.character] + one.new_text + after).split("\n")
    return "\n".join(lines)


async def test_open_shows_the_finding_and_its_fix_clears_it(shared: Editor) -> None:
    uri = shared.open("fix.py", PROGRAM)
    (diagnostic,) = await shared.checked(uri, {FAULT})
    assert diagnostic.severity == lsp.DiagnosticSeverity.Error
    assert diagnostic.source == "kls"
    assert diagnostic.related_information
    actions = await shared.actions(uri, WHOLE)
    assert actions[0].is_preferred and actions[0].title.endswith("(verified)")
    assert sum(bool(action.is_preferred) for action in actions) == 1
    edit = (await shared.client.code_action_resolve_async(actions[0])).edit or actions[0].edit
    assert edit is not None
    shared.edit(uri, _apply(PROGRAM, edit))
    await shared.checked(uri, set())
    assert await shared.actions(uri, WHOLE) == []


async def test_an_edit_clears_and_brings_back(shared: Editor) -> None:
    uri = shared.open("edit.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    shared.edit(uri, PROGRAM.replace("28, 28)", "784)"))
    await shared.checked(uri, set())
    shared.edit(uri, PROGRAM)
    await shared.checked(uri, {FAULT})
    shared.close(uri)
    await shared.checked(uri, set())


async def test_fix_all_is_offered_only_when_asked_for(shared: Editor) -> None:
    uri = shared.open("all.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    assert {action.kind for action in await shared.actions(uri, WHOLE)} == {"quickfix"}
    (everything,) = await shared.actions(uri, WHOLE, only=["source.fixAll"])
    assert everything.kind == "source.fixAll.kls" and everything.edit is not None
    shared.edit(uri, _apply(PROGRAM, everything.edit))
    await shared.checked(uri, set())


async def test_a_finding_is_ignored_by_the_last_action_and_told_again_without_it(shared: Editor) -> None:
    text = PROGRAM.replace("\n", "\r\n")
    uri = shared.open("ignored.py", text)
    await shared.checked(uri, {FAULT})
    last = (await shared.actions(uri, WHOLE))[-1]
    assert last.title == f"Ignore {FAULT} here" and not last.is_preferred and last.edit is not None
    ignored = _apply(text, last.edit)
    assert ignored.replace(f"  # kls: ignore[{FAULT}]", "") == text
    shared.edit(uri, ignored)
    await shared.checked(uri, set())
    repaired = ignored.replace("28, 28)", "784)")
    shared.edit(uri, repaired)
    await shared.checked(uri, {"unused-ignore"})
    (everything,) = await shared.actions(uri, WHOLE, only=["source.fixAll"])
    assert everything.edit is not None
    assert _apply(repaired, everything.edit) == text.replace("28, 28)", "784)")
    shared.close(uri)


async def test_hover_and_hints_have_shapes(shared: Editor) -> None:
    uri = shared.open("shapes.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    text = await shared.hover(uri, 8, PROGRAM.splitlines()[8].index("x,"))
    assert text is not None and "(32, 28, 28) float32" in text
    text = await shared.hover(uri, 6, PROGRAM.splitlines()[6].index("Dense(64)"))
    assert text is not None and "(None, 64) float32" in text and "| parameters | `50,240`" in text
    labels = {(hint.position.line, hint.label) for hint in await shared.hints(uri)}
    assert {(4, ": (32, 28, 28) float32"), (6, "-> (None, 64) float32"), (6, "-> (None, 10) float32")} <= labels
    assert await shared.hover(uri, 3, 0) is None
    assert shared.refreshes > 0


async def test_a_syntax_error_shows_no_finding_and_keeps_the_hints(shared: Editor) -> None:
    uri = shared.open("broken.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    before = {(hint.position.line, hint.label) for hint in await shared.hints(uri)}
    shared.edit(uri, PROGRAM.replace("y = np", "y = = np"))
    await shared.checked(uri, set())
    after = {(hint.position.line, hint.label) for hint in await shared.hints(uri)}
    assert after == {hint for hint in before if hint[0] != 5}
    shared.edit(uri, "\n\n" + PROGRAM)
    await shared.checked(uri, {FAULT})


async def test_line_ends_and_form_feeds_do_not_move_anything(shared: Editor) -> None:
    text = (
        PROGRAM.replace("model =", "\x0cmodel =").replace("y = np", "# \u2028 \x0b \x85\ny = np").replace("\n", "\r\n")
    )
    uri = shared.open("lines.py", text)
    await shared.checked(uri, {FAULT})
    lines = text.split("\r\n")
    hints = {hint.position.line: hint.position.character for hint in await shared.hints(uri)}
    assert hints[7] == lines[7].index("layers.Dense(10)") + len("layers.Dense(10)")
    text = text.replace("28, 28)", "784)")
    shared.edit(uri, text)
    await shared.checked(uri, set())


async def test_ten_edits_a_second_end_with_the_last_text(shared: Editor) -> None:
    uri = shared.open("fast.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    count = len(shared.published)
    for number in range(20):
        shared.edit(uri, PROGRAM.replace("28, 28)", "784)") + f"z = {number}\n")
        shared.edit(uri, PROGRAM + f"z = {number}\n")
        await shared.hover(uri, 4, 0)
    # A fault of its own: what is already shown is not sent again, so a text without news would have no answer.
    last = shared.edit(uri, PROGRAM.replace("28, 28)", "391)"))
    await shared.until(
        lambda: any("391" in item.message for item in shared.diagnostics(uri) or ()), "the last text is answered"
    )
    versions = [item.version for item in shared.published[count:] if item.uri == uri]
    assert versions[-1] == last
    assert versions == sorted(versions), "no answer to an older text comes after one to a newer"
    assert len(set(versions)) < 41, "not every text in between is worth an answer"


async def test_an_endless_program_is_stopped_and_the_next_edit_works(shared: Editor) -> None:
    await shared.configure({"worker": {"timeout": 1.0}})
    uri = shared.open("endless.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    shared.edit(uri, PROGRAM.replace("model.fit", "while True: pass\nmodel.fit"))
    assert await shared.hover(uri, 4, 0)
    await shared.checked(uri, set())
    shared.edit(uri, PROGRAM)
    await shared.checked(uri, {FAULT})
    await shared.configure({})


async def test_a_dry_run_out_of_time_is_told_with_the_way_to_a_longer_one(shared: Editor) -> None:
    await shared.configure({"worker": {"timeout": 1.0}})
    # No signal is heard in there, so nothing of the program is told.
    uri = shared.open("long.py", "import keras\nsum(range(10**12))\nmodel = keras.Sequential()\n")
    start, end = "the dry run stopped after 1 s", "; kls.worker.timeout gives it longer"

    def told() -> bool:
        said = [status.sentence.removeprefix("long.py: ") for status in shared.statuses]
        return any(sentence.startswith(start) and sentence.endswith(end) for sentence in said)

    await shared.until(told, "the end of its time is told")
    reason = (await _request(shared, "kls/graph", uri))["reason"]
    assert reason.startswith(start) and reason.endswith(end)
    shared.close(uri)
    await shared.configure({})


async def test_the_status_says_what_was_not_done(shared: Editor) -> None:
    count = len(shared.statuses)
    uri = shared.open("stopped.py", PROGRAM.replace("model = ", "while True: pass\nmodel = "))
    await shared.checked(uri, {FAULT})
    told = "stopped.py: the dry run went on without line 7: "
    await shared.until(lambda: any(s.sentence.startswith(told) for s in shared.statuses[count:]), told)
    shared.close(uri)


async def test_a_crash_keeps_the_hints(shared: Editor) -> None:
    uri = shared.open("crash.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    before = [hint.label for hint in await shared.hints(uri)]
    line = PROGRAM.split("\n")[6]
    last = await shared.hover(uri, 6, line.index("Dense(10)"))
    assert before and last and "10" in last
    shared.edit(uri, PROGRAM + "import ctypes; ctypes.string_at(0)\n")
    await shared.until(lambda: "cut short" in shared.statuses[-1].sentence, "the crash is told")
    assert [hint.label for hint in await shared.hints(uri)] == before
    assert await shared.hover(uri, 6, line.index("Dense(10)")) == last
    shared.close(uri)


@pytest.mark.parametrize(
    "statement",
    [
        "big = [0] * 10**10",
        "import os; os.system('touch {home}/touched')",
        "open('{home}/touched', 'w').write('x')",
        "import socket; socket.create_connection(('127.0.0.1', {port}))",
        "import os; os._exit(0)",
        "import sys; sys.exit(3)",
        "for _ in range(1 << 20): print('x' * 1024)",
        "import os; os.close(0); os.close(1); os.close(2)",
        "import threading; threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()",
    ],
)
async def test_a_hostile_program_disturbs_nobody(shared: Editor, tmp_path: Path, statement: str) -> None:
    touched = asyncio.Event()
    listener = await asyncio.start_server(lambda reader, writer: touched.set(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    uri = shared.open("hostile.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    line = statement.format(home=tmp_path, port=port)
    shared.edit(uri, PROGRAM.replace("model = ", line + "\nmodel = "))
    waiting = asyncio.create_task(shared.actions(uri, WHOLE))
    while not waiting.done():
        assert await shared.hover(uri, 4, 0)
        await asyncio.wait({waiting}, timeout=0.2)
    shared.edit(uri, PROGRAM.replace("28, 28)", "784)"))
    await shared.checked(uri, set())
    assert not (tmp_path / "touched").exists() and not touched.is_set()
    listener.close()
    shared.close(uri)


async def test_a_killed_worker_comes_back(shared: Editor) -> None:
    uri = shared.open("killed.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    status: Any = await shared.client.protocol.send_request_async("kls/status", None)
    assert status.state == "ready" and "TensorFlow" in status.sentence
    workers = [
        pid for pid, line in _children(shared.client._server.pid) if b"launch.py" in line or b"bootstrap.py" in line
    ]  # pyright: ignore[reportPrivateUsage]
    assert workers
    count = len(shared.statuses)
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await shared.until(lambda: [s for s in shared.statuses[count:] if s.state == "starting"], "the worker starts again")
    shared.edit(uri, PROGRAM.replace("28, 28)", "784)"))
    await shared.checked(uri, set())


async def test_the_worker_restarts_on_command(shared: Editor) -> None:
    uri = shared.open("restart.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    count = len(shared.statuses)
    await shared.client.workspace_execute_command_async(lsp.ExecuteCommandParams("kls/restartWorker"))
    await shared.until(
        lambda: (
            [s.state for s in shared.statuses[count:] if s.state in ("starting", "ready")][:2] == ["starting", "ready"]
        ),
        "the worker starts and is ready",
    )
    shared.edit(uri, PROGRAM.replace("28, 28)", "784)"))
    await shared.checked(uri, set())


async def test_loading_tensorflow_is_shown_as_progress(shared: Editor) -> None:
    uri = shared.open("progress.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    first, second, *_ = shared.progress
    assert first["kind"] == "begin" and "TensorFlow" in first["message"]
    assert second["kind"] == "end" and "ready" in second["message"]


async def test_settings_take_effect_while_the_server_runs(shared: Editor) -> None:
    uri = shared.open("settings.py", PROGRAM)
    await shared.checked(uri, {FAULT})

    await shared.configure(
        {"lint": {"severity": {FAULT: "warning"}}, "inlayHints": {"layerShapes": False, "dtypes": False}}
    )
    await shared.until(
        lambda: [d.severity for d in shared.diagnostics(uri) or []] == [lsp.DiagnosticSeverity.Warning], "a warning"
    )
    assert {hint.label for hint in await shared.hints(uri)} == {": (32, 28, 28)", ": (32,)"}
    await shared.configure({"lint": {"ignore": [FAULT]}})
    await shared.checked(uri, set())
    await shared.configure({"diagnosticMode": "off"})
    await shared.configure({"run": "manual"})
    shared.edit(uri, PROGRAM + "\n")
    await shared.actions(uri, WHOLE)
    assert shared.diagnostics(uri) == []
    await shared.client.workspace_execute_command_async(lsp.ExecuteCommandParams("kls/check", [uri]))
    await shared.checked(uri, {FAULT})
    await shared.configure({"enable": False})
    await shared.checked(uri, set())
    await shared.configure({})
    await shared.checked(uri, {FAULT})


async def test_an_idle_worker_ends_and_comes_back(shared: Editor) -> None:
    await shared.configure({"worker": {"idleShutdown": 0.1}})
    uri = shared.open("idle.py", PROGRAM.replace("28, 28)", "784)"))
    await shared.checked(uri, set())
    await shared.until(lambda: shared.statuses[-1].state == "idle", "the worker ends")
    shared.edit(uri, PROGRAM)
    await shared.checked(uri, {FAULT})
    await shared.configure({})


async def test_an_unsaved_module_of_the_project_counts(shared: Editor) -> None:
    head, tail = PROGRAM.split("model = ")
    model, rest = tail.split("\n", 1)
    module = (
        "from tensorflow import keras\nfrom tensorflow.keras import layers\n\n\ndef build():\n    return "
        + model
        + "\n"
    )
    (shared.folder / "models.py").write_text(module)
    main = shared.open("train.py", head + "from models import build\nmodel = build()\n" + rest)
    await shared.checked(main, {FAULT})
    models = shared.open("models.py", module)
    shared.edit(models, module.replace("784,", "28, 28"))
    await shared.until(
        lambda: FAULT not in {d.code for d in shared.diagnostics(main) or []},
        "the unsaved module counts for its importer",
    )
    shared.close(models)
    await shared.checked(main, {FAULT})


async def test_a_fault_in_an_open_module_is_shown_and_repaired_there(shared: Editor) -> None:
    head, tail = PROGRAM.split("model = ")
    model, rest = tail.replace("layers.Dense(10)", "layers.Conv2D(4, 3)").split("\n", 1)
    module = (
        "from tensorflow import keras\nfrom tensorflow.keras import layers\n\n\ndef make():\n    return " + model + "\n"
    )
    blocks = shared.open("blocks.py", module)
    main = shared.open("main.py", head + "from blocks import make\nmodel = make()\n" + rest)
    shown = await shared.until(lambda: shared.diagnostics(blocks), "the module shows the fault of its importer's run")
    assert shown[0].range.start.line == 5
    await shared.until(lambda: shared.diagnostics(main) is not None, "the program was checked")
    shared.close(main)
    await shared.until(
        lambda: any("called from main.py line 8" in item.message for item in shared.diagnostics(blocks) or ()),
        "the program on the disk still calls it",
    )
    (shared.folder / "main.py").unlink()
    gone = lsp.FileEvent(main, lsp.FileChangeType.Deleted)
    shared.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([gone]))
    await shared.until(
        lambda: any("this is what `make()` does" in item.message for item in shared.diagnostics(blocks) or ()),
        "nobody calls it, and it fails with its own defaults",
    )


def _children(process: int) -> list[tuple[int, bytes]]:
    """Descendants of a process with their command lines."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: list[tuple[int, bytes]] = []
    for child, parent in parents.items():
        above = parent
        while above and above != process:
            above = parents.get(above, 0)
        if above:
            try:
                found.append((child, Path(f"/proc/{child}/cmdline").read_bytes()))
            except OSError:
                continue
    return sorted(found)


async def _request(shared: Editor, method: str, uri: str) -> dict[str, Any]:
    answer = await asyncio.wait_for(shared.client.protocol.send_request_async(method, {"uri": uri}), clients.PATIENCE)
    return cast("dict[str, Any]", _plain(answer))


def _plain(value: Any) -> Any:
    """What pygls made of JSON whose method it does not know, as JSON again."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _faults(picture: dict[str, Any]) -> list[str]:
    return [arrow["fault"] for arrow in picture["arrows"] if arrow["fault"]]


async def test_the_graph_shows_where_it_does_not_fit_and_follows_the_edit(shared: Editor) -> None:
    uri = shared.open("graph.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    (picture,) = (await _request(shared, "kls/graph", uri))["graphs"]
    assert [box["title"] for box in picture["boxes"] if box["kind"] == "data"] == ["x", "y"]
    (fault,) = _faults(picture)
    assert "(32, 28, 28)" in fault and "784" in fault
    dense = next(box for box in picture["boxes"] if box["title"] == "Dense")
    assert dense["place"]["range"]["start"]["line"] == 6 and dense["parameters"] == 50240
    shared.edit(uri, PROGRAM.replace("28, 28)", "784)"))
    await shared.until(lambda: uri in shared.analysed, "the server tells that the graph is new")
    await shared.checked(uri, set())
    (picture,) = (await _request(shared, "kls/graph", uri))["graphs"]
    assert _faults(picture) == []
    assert any(arrow["label"] == "(None, 64)" for arrow in picture["arrows"])
    assert "(None, 64)" in picture["mermaid"] and picture["dot"].startswith("digraph")


@pytest.mark.parametrize(
    ("name", "text", "boxes", "fault"),
    [
        (
            "functional",
            "i = keras.Input((8, 8, 1))\na = layers.Conv2D(4, 3)(i)\nb = layers.Conv2D(4, 5)(i)\n"
            "x = layers.Add()([a, b])\n",
            ["InputLayer", "Conv2D", "Conv2D", "Add"],
            "(None, 6, 6, 4)",
        ),
        (
            "operations",
            "i = keras.Input((4,))\nm = keras.Model(i, layers.Dense(4)(i) + i)\n",
            ["InputLayer", "Dense", "Add"],
            None,
        ),
        (
            "nested",
            "e = keras.Sequential([layers.Input((4,)), layers.Dense(2)])\n"
            "m = keras.Sequential([layers.Input((4,)), e, layers.Dense(3)])\n",
            ["InputLayer", "Sequential", "Dense"],
            None,
        ),
        (
            "subclass",
            "class M(keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.a, self.b, self.c = layers.Dense(2), layers.Dense(2), layers.Dense(1)\n"
            "    def call(self, x):\n"
            "        return self.c(tf.nn.relu(self.a(x) + self.b(x)))\n"
            "m = M()\n"
            "m.compile(loss='mse')\n"
            "m.fit(np.zeros((9, 5)), np.zeros((9, 1)))\n",
            ["array", "InputLayer", "Dense", "Dense", "Dense", "array", "loss"],
            None,
        ),
    ],
)
async def test_every_kind_of_model_has_a_graph(
    shared: Editor, name: str, text: str, boxes: list[str], fault: str | None
) -> None:
    head = "import numpy as np\nimport tensorflow as tf\nimport keras\nfrom keras import layers\n"
    uri = shared.open(f"{name}.py", head + text)
    picture = (await _request(shared, "kls/graph", uri))["graphs"][-1]
    shown = [box["detail"] if box["kind"] == "data" else box["title"] for box in picture["boxes"]]
    assert shown == [{"InputLayer": "Input"}.get(box, box) for box in boxes]
    assert bool(_faults(picture)) == (fault is not None)
    assert fault is None or fault in _faults(picture)[0]
    reached = {arrow["target"] for arrow in picture["arrows"]} | {arrow["source"] for arrow in picture["arrows"]}
    assert reached == set(range(len(boxes)))
    shared.close(uri)


async def test_a_lens_over_each_model_and_its_summary(shared: Editor) -> None:
    uri = shared.open("lens.py", PROGRAM)
    await shared.checked(uri, {FAULT})
    params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
    lenses = await shared.client.text_document_code_lens_async(params) or []
    titles = [lens.command.title for lens in lenses if lens.command]
    assert titles == ["50,890 parameters · (None, 784) → (None, 10)"]
    assert lenses[0].range.start.line == 6
    assert "(None, 64)" in (await _request(shared, "kls/summary", uri))["text"]


async def test_without_a_model_the_graph_says_why(shared: Editor) -> None:
    uri = shared.open("none.py", "import keras\nprint(keras.__version__)\n")
    answer = await _request(shared, "kls/graph", uri)
    assert answer["graphs"] == [] and answer["reason"]
