"""Real steps in whole sessions: asked for in an editor, told in lens, hover, status and findings, ended by typing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lsprotocol import types as lsp

from . import clients
from .clients import Editor
from .test_sessions import _children, _plain

pytestmark = [pytest.mark.tf, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
PROGRAM = """\
import numpy as np, keras

x = np.zeros((64, 16), "float32")
y = np.zeros((64,), "int32")
model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(32), keras.layers.Dense(4)])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
model.fit(x, y, batch_size=16)
"""
ENDLESS = """\
import numpy as np, keras, tensorflow as tf


class Slow(keras.Model):
    def train_step(self, data):
        return {"loss": tf.while_loop(lambda i: i >= 0.0, lambda i: [i * 0.5], [1.0])[0]}


model = Slow()
model.compile("sgd", "mse", jit_compile=False)
model.fit(np.zeros((64, 16), "float32"), np.zeros((64, 1), "float32"), batch_size=16)
"""
MEMORY = """\
import numpy as np, keras
model = keras.Sequential([keras.Input((4000, 8)), keras.layers.Dense(256, activation="relu"), keras.layers.Dense(1),
                          keras.layers.GlobalAveragePooling1D()])
model.compile("sgd", "mse", jit_compile=False)
x = np.zeros((512, 4000, 8), "float32")
model.fit(x, np.zeros(512), batch_size=512)
"""


def ask(editor: Editor, uri: str, **more: Any) -> asyncio.Task[Any]:
    """A real step, asked for; its answer as JSON."""

    async def asked() -> Any:
        return _plain(await editor.client.protocol.send_request_async("kls/probeStep", {"uri": uri, **more}))

    return asyncio.create_task(asked())


async def lenses(editor: Editor, uri: str) -> list[lsp.Command]:
    """The lenses of training calls."""
    params = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
    found = await editor.client.text_document_code_lens_async(params) or []
    return [lens.command for lens in found if lens.command and len(lens.command.arguments or ()) == 3]


async def test_a_step_is_told_everywhere_and_remembered(shared: Editor) -> None:
    uri = shared.open("told.py", PROGRAM)
    await shared.checked(uri, set())
    (lens,) = await lenses(shared, uri)
    assert (lens.title, lens.command, list(lens.arguments or ())) == (
        "Probe one step on CPU",
        "kls/probeStep",
        [uri, 6, False],
    )
    answer = await ask(shared, uri, line=6)
    step = answer["step"]
    assert step["reason"] is None and step["troubles"] == [], answer
    assert (step["method"], step["batch_size"], step["device"], step["xla"]) == ("fit", 16, "CPU", False)
    assert answer["place"]["range"]["start"] == {"line": 6, "character": 0}
    assert answer["sentence"].startswith("one step of `fit` at batch 16: ")
    assert any(answer["sentence"] in status.sentence for status in shared.statuses)
    assert answer["sentence"] in (await shared.hover(uri, 6, 7) or "").replace("\\", "")
    (lens,) = await lenses(shared, uri)
    assert " a step \N{MIDDLE DOT} " in lens.title and lens.title.endswith("Probe again")
    assert list(lens.arguments or ()) == [uri, 6, True]
    # What a step does not depend on: the answer is the same, to the last digit, on the line where the call is now.
    shared.edit(uri, "# a comment\n" + PROGRAM.replace("batch_size=16", "batch_size=16, epochs=3"))
    assert (await ask(shared, uri, line=7))["step"] == step
    (lens,) = await lenses(shared, uri)
    assert lens.title.endswith("Probe again") and list(lens.arguments or ()) == [uri, 7, True]
    # What it does depend on.
    shared.edit(uri, PROGRAM.replace("Dense(32)", "Dense(33)"))
    offered = ["Probe one step on CPU"]
    await shared.until_async(lambda: lenses(shared, uri), lambda found: [x.title for x in found] == offered)
    shared.close(uri)


async def test_an_edit_ends_the_step_and_its_process(shared: Editor) -> None:
    uri = shared.open("endless.py", ENDLESS)
    await shared.checked(uri, set())
    server = shared.client._server.pid  # pyright: ignore[reportPrivateUsage]
    asked = ask(shared, uri)
    await shared.until(lambda: "one real step" in shared.statuses[-1].sentence, "the step is run")

    async def steps() -> set[int]:
        return {pid for pid, command in _children(server) if b'"real": true' in command}

    await shared.until_async(steps, lambda found: len(found) > 1)
    shared.edit(uri, ENDLESS + "# typed\n")
    answer = await asyncio.wait_for(asked, clients.PATIENCE)
    assert answer["step"]["reason"] == answer["sentence"] and "ended the step" in answer["sentence"]
    await shared.until_async(steps, lambda found: not found)
    assert await shared.hover(uri, 9, 0)
    shared.close(uri)


async def test_a_step_without_an_end_ends_in_a_sentence(shared: Editor) -> None:
    await shared.configure({"hardware": {"timeout": 10.0}})
    uri = shared.open("hung.py", ENDLESS)
    await shared.checked(uri, set())
    answer = await ask(shared, uri)
    assert answer["step"]["reason"].startswith("stopped after 10 s"), answer
    (lens,) = await lenses(shared, uri)
    assert lens.title.startswith("no step: stopped after 10 s")
    assert await shared.hover(uri, 9, 0)
    await shared.configure({})
    shared.close(uri)


async def test_a_finding_of_a_step_goes_with_the_edit_that_repairs_it(shared: Editor) -> None:
    text = MEMORY
    await shared.configure({"hardware": {"memory": 1536}})
    uri = shared.open("memory.py", text)
    await shared.checked(uri, set())
    answer = await ask(shared, uri)
    assert [trouble["kind"] for trouble in answer["step"]["troubles"]] == ["memory"], answer
    (shown,) = await shared.checked(uri, {"step-memory"})
    assert shown.severity == lsp.DiagnosticSeverity.Error and shown.range.start.line == 5
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(100, 0))
    (action, *_) = await shared.actions(uri, whole)
    assert action.title.startswith("Use batch_size=") and action.title.endswith("(verified)")
    shared.edit(uri, text.replace("batch_size=512", "batch_size=16"))
    await shared.checked(uri, set())
    await shared.configure({})
    shared.close(uri)


async def test_what_cannot_be_stepped_says_why(shared: Editor) -> None:
    uri = shared.open("none.py", "import keras\nprint(keras.__version__)\n")
    answer = await ask(shared, uri)
    assert answer["step"]["step_seconds"] is None and answer["sentence"] == "no program of Keras is in this file"
    assert await lenses(shared, uri) == []
    wrong = shared.open("wrong.py", PROGRAM.replace("(64, 16)", "(64, 15)"))
    await shared.checked(wrong, {"input-shape"})
    assert (await ask(shared, wrong))["sentence"] == "the errors come first"
    assert (await ask(shared, shared.uri("closed.py")))["sentence"] == "this document is not open"
    for each in (uri, wrong):
        shared.close(each)


async def test_a_question_outlives_new_settings(shared: Editor) -> None:
    """They cut the first analysis short; what was asked meanwhile waits for the one that takes its place."""
    uri = shared.open("early.py", PROGRAM)
    asked = ask(shared, uri)
    await shared.configure({"inlayHints": {"dtypes": False}})
    answer = await asked
    assert answer["sentence"].startswith("one step of `fit` at batch 16: "), answer
    await shared.configure({})
    shared.close(uri)


async def test_a_step_on_idle_where_the_settings_ask_for_it(shared: Editor) -> None:
    await shared.configure({"hardware": {"onIdle": True}})
    uri = shared.open("idle.py", PROGRAM.replace("Dense(32)", "Dense(31)"))
    told = "idle.py line 7: "
    await shared.until(
        lambda: [s for s in shared.statuses if s.sentence.startswith(told + "one step of `fit` at batch 16")],
        "a step is run that nobody asked for",
    )
    await shared.configure({})
    shared.close(uri)


async def test_the_servers_own_command_answers_at_once_and_tells_later(shared: Editor) -> None:
    uri = shared.open("command.py", PROGRAM.replace("Dense(32)", "Dense(30)"))
    await shared.checked(uri, set())
    (lens,) = await lenses(shared, uri)
    params = lsp.ExecuteCommandParams(lens.command, lens.arguments)
    assert await shared.client.workspace_execute_command_async(params) is None
    await shared.until(
        lambda: [s for s in shared.statuses if s.sentence.startswith("command.py line 7: one step of `fit`")], "told"
    )

    async def shown() -> list[str]:
        return [item.message for item in shared.client.messages]

    await shared.until_async(shown, lambda said: any(text.startswith("kls: one step of `fit`") for text in said))
    shared.close(uri)
