"""The jedi child: every spelling of Keras, budgets, restarts, and workspaces that must not be executed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kls.documents import Snapshot
from kls.find import Resolver
from tests.find.conftest import INSTALLED

Document = Callable[..., Snapshot]

SPELLINGS = {
    "import tensorflow as tf\ntf.keras.layers.Dense": "keras.layers.Dense",
    "import tensorflow as tf\nlayers = tf.keras.layers\nlayers.Dense": "keras.layers.Dense",
    "from tensorflow.keras.layers import Dense\nDense": "keras.layers.Dense",
    "from tensorflow.keras import layers\nlayers.Dense": "keras.layers.Dense",
    "from tensorflow import keras\nkeras.layers.Dense": "keras.layers.Dense",
    "import tensorflow.keras as keras\nkeras.layers.Dense": "keras.layers.Dense",
    "import tensorflow as tf\ntf.keras.datasets.mnist.load_data": "keras.datasets.mnist.load_data",
    "import keras\nkeras.layers.Dense": "keras.layers.Dense",
    "from keras import layers as L\nL.Dense": "keras.layers.Dense",
    "from keras.layers import Dense as D\nD": "keras.layers.Dense",
    "import keras\nlayers = keras.layers\ndef f():\n    return layers.Dense": "keras.layers.Dense",
    "import keras\nkeras.models.Sequential": "keras.Sequential",
    "from tensorflow.keras.models import Model\nModel": "keras.Model",
    "from tensorflow.keras.layers import Input\nInput": "keras.Input",
    "from tensorflow.keras.preprocessing import image_dataset_from_directory\nimage_dataset_from_directory": (
        "keras.utils.image_dataset_from_directory"
    ),
    "import tensorflow as tf\ntf.data.Dataset.from_tensor_slices": "tensorflow.data.Dataset.from_tensor_slices",
}


def at_the_end(snapshot: Snapshot) -> tuple[int, int]:
    return len(snapshot.lines), len(snapshot.lines[-1]) - 1


@pytest.mark.tf
async def test_every_spelling_leads_to_the_public_name(resolver: Resolver, document: Document) -> None:
    for text, public in SPELLINGS.items():
        asked = document(text)
        assert await resolver.resolve(asked, [at_the_end(asked)]) == [public], text
    assert resolver.restarts == 0


@pytest.mark.tf
async def test_names_come_through_modules_of_the_project(
    resolver: Resolver, document: Document, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text("from lib.parts import layers, D\n")
    (tmp_path / "lib" / "parts.py").write_text(
        "from tensorflow.keras import layers\nfrom keras.layers import Dense as D\n"
    )
    asked = document("import lib\nfrom lib import D, layers\nlayers.Conv2D\nD\nlib.layers.Flatten")
    answers = await resolver.resolve(asked, [(3, 9), (4, 0), (5, 13)])
    assert answers == ["keras.layers.Conv2D", "keras.layers.Dense", "keras.layers.Flatten"]


@pytest.mark.tf
async def test_names_are_found_in_broken_text(resolver: Resolver, document: Document) -> None:
    asked = document("from keras import layers\nm = [layers.Dense(\nif x\n  layers.Flatten(")
    assert await resolver.resolve(asked, [(2, 13), (4, 11)]) == ["keras.layers.Dense", "keras.layers.Flatten"]


@pytest.mark.tf
async def test_columns_are_characters(resolver: Resolver, document: Document) -> None:
    asked = document("import keras\r\n\x0c\r\ns = '😀é'; m = keras.layers.Dense")
    assert await resolver.resolve(asked, [(3, len(asked.lines[2]) - 1)]) == ["keras.layers.Dense"]


@pytest.mark.tf
async def test_the_path_may_become_known_later(cache: Path, document: Document) -> None:
    resolver = Resolver([], str(cache), [], legacy=False, budget=60.0, first_budget=60.0)
    try:
        asked = document("from tensorflow.keras import layers\nlayers.Dense")
        assert await resolver.resolve(asked, [(2, 9)]) == [None]
        resolver.sys_path = tuple(INSTALLED)
        assert await resolver.resolve(asked, [(2, 9)]) == ["keras.layers.Dense"]
    finally:
        await resolver.stop()


async def test_a_question_over_its_budget_costs_the_child_its_life(cache: Path, document: Document) -> None:
    resolver = Resolver(INSTALLED, str(cache), [], legacy=False, first_budget=60.0)
    try:
        asked = document("import json\njson.loads\njson.dumps")
        assert await resolver.resolve(asked, [(2, 6)]) == ["json.loads"]
        resolver.budget = 1e-6
        assert await resolver.resolve(asked, [(2, 6)]) == [None]
        assert resolver.restarts == 1
        assert resolver.offending == {(asked.path, "json.loads")}
        resolver.budget = 60.0
        assert await resolver.resolve(asked, [(2, 6), (3, 6)]) == [None, "json.dumps"]
        assert resolver.restarts == 1
    finally:
        await resolver.stop()


async def test_a_child_that_dies_is_replaced(cache: Path, document: Document) -> None:
    resolver = Resolver(INSTALLED, str(cache), [], budget=60.0, first_budget=60.0)
    try:
        asked = document("import json\njson.loads\njson.dumps")
        assert await resolver.resolve(asked, [(2, 6)]) == ["json.loads"]
        child = resolver._child  # pyright: ignore[reportPrivateUsage]
        assert child is not None
        child.process.kill()
        await child.process.wait()
        assert await resolver.resolve(asked, [(3, 6)]) == ["json.dumps"]
    finally:
        await resolver.stop()


async def test_a_cancelled_question_does_not_spoil_the_next(cache: Path, document: Document) -> None:
    resolver = Resolver(INSTALLED, str(cache), [], budget=60.0, first_budget=60.0)
    try:
        asked = document("import json\njson.loads\njson.dumps")
        first = asyncio.create_task(resolver.resolve(asked, [(2, 6)] * 50))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await resolver.resolve(asked, [(3, 6)]) == ["json.dumps"]
        assert resolver.restarts == 0
        assert not resolver.offending
    finally:
        await resolver.stop()


async def test_whatever_fails_the_answer_is_none(tmp_path: Path, document: Document) -> None:
    asked = document("import json\njson.loads")
    blocked = tmp_path / "file"
    blocked.write_text("")
    nowhere = Resolver(INSTALLED, str(blocked / "cache"), [])
    assert await nowhere.resolve(asked, [(2, 6)]) == [None]
    await nowhere.stop()
    stopped = Resolver([], str(tmp_path / "cache"), [])
    await stopped.stop()
    assert await stopped.resolve(asked, [(2, 6)]) == [None]
    outside = Resolver([], str(tmp_path / "cache"), [], budget=60.0, first_budget=60.0)
    assert await outside.resolve(asked, [(99, 6), (2, 600), (0, -4)]) == [None, None, None]
    await outside.stop()


HOSTILE = (
    "gi parso jedi json keras_canary sitecustomize usercustomize typing re os ctypes sqlite3 pickle difflib hashlib"
    " contextlib platform zipimport importlib encodings warnings inspect"
).split()


async def test_nothing_of_a_workspace_is_executed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, document: Document
) -> None:
    canary = tmp_path / "executed"
    code = f"with open({str(canary)!r}, 'a') as file:\n    file.write(__name__)\nvalue = 1\n"
    for name in HOSTILE:
        (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text(code)
    (tmp_path / ".jedi").mkdir()
    (tmp_path / ".jedi" / "project.json").write_text('[1, {"path": "/", "load_unsafe_extensions": true}]')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "gi.py"))
    resolver = Resolver([str(tmp_path), *INSTALLED], str(cache), [str(tmp_path)], budget=60.0, first_budget=60.0)
    try:
        names = [*HOSTILE, "numpy", "sys", "_json", "zlib", "gi.repository.Gtk"]
        lines = [f"import {name}; {name}.value" for name in names]
        asked = document("\n".join(lines))
        places = [(number, len(line) - 1) for number, line in enumerate(lines, 1)]
        answers = await resolver.resolve(asked, places)
        answers += await resolver.resolve(asked, [(number, 8) for number in range(1, len(lines) + 1)])
        assert "gi.value" in answers  # the file was read …
        assert resolver.restarts == 0
    finally:
        await resolver.stop()
    assert not canary.exists()  # … and not run


@pytest.mark.skipif(os.name == "nt", reason="needs /proc")
async def test_the_child_ends_with_its_resolver(cache: Path, document: Document) -> None:
    resolver = Resolver([], str(cache), [], budget=60.0, first_budget=60.0)
    await resolver.resolve(document("import json\njson.loads"), [(2, 6)])
    child = resolver._child  # pyright: ignore[reportPrivateUsage]
    assert child is not None
    pid = child.process.pid
    await resolver.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
