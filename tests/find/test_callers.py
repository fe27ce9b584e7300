"""Which programs of a project import a document, and in which order they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kls.documents import Snapshot
from kls.find import callers
from kls.find.callers import MOST_READ
from kls.find.modules import Memory

Document = Callable[..., Snapshot]
RUNS = "import models\nmodels.build()\n"


def put(root: Path, path: str, text: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def names(entry: Snapshot, root: Path, roots: bool = True, **more: object) -> list[str]:
    found = callers(entry, [str(root)] if roots else [], more.pop("buffers", {}), **more)  # type: ignore[arg-type]
    return [Path(item.snapshot.path).relative_to(root).as_posix() for item in found]


def test_direct_callers_come_first_then_the_nearest(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "a/z.py", "from models import build\nbuild()\n")
    put(tmp_path, "train.py", RUNS)
    put(tmp_path, "chain.py", "import steps\nsteps.run()\n")
    put(tmp_path, "steps.py", "from models import build\ndef run(): build()\n")
    put(tmp_path, "library.py", "import models\ndef f(): models.build()\n")
    put(tmp_path, "other.py", "import keras\nprint('models')\n")
    entry = document("def build(): ...\n", "models.py")
    assert names(entry, tmp_path) == ["train.py", "a/z.py", "chain.py"]
    assert names(entry, tmp_path, leave_out=frozenset([str(tmp_path / "train.py")])) == ["a/z.py", "chain.py"]


def test_through_a_package_and_relative_imports(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "net/__init__.py", "from .models import build\n")
    put(tmp_path, "net/models.py", "")
    put(tmp_path, "net/run.py", "from . import models\nmodels.build()\n")
    put(tmp_path, "train.py", "from net import build\nbuild()\n")
    assert names(document("def build(): ...\n", "net/models.py"), tmp_path) == ["net/run.py", "train.py"]


def test_a_module_of_the_same_name_is_another(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "a/models.py", "")
    put(tmp_path, "b/models.py", "")
    put(tmp_path, "b/train.py", RUNS)
    assert names(document("def build(): ...\n", "a/models.py"), tmp_path) == []


def test_unsaved_texts_count_before_files(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "train.py", RUNS)
    entry = document("def build(): ...\n", "models.py")
    buffers = {str(tmp_path / "train.py"): "print(1)\n", str(tmp_path / "new.py"): RUNS}
    assert names(entry, tmp_path, buffers=buffers) == ["new.py"]
    (found,) = callers(entry, [str(tmp_path)], buffers)
    assert [(source.name, source.text) for source in found.modules] == [("models", entry.text)]


def test_what_is_not_of_the_project_is_not_looked_at(tmp_path: Path, document: Document) -> None:
    entry = document("def build(): ...\n", "work/models.py")
    put(tmp_path, "train.py", "from work.models import build\nbuild()\n")
    put(tmp_path, "work/.hidden/train.py", RUNS)
    put(tmp_path, "work/env/pyvenv.cfg", "")
    put(tmp_path, "work/env/train.py", RUNS)
    put(tmp_path, "work/broken.py", RUNS + "(\n")
    (tmp_path / "work" / "linked.py").symlink_to(tmp_path / "train.py")
    work = tmp_path / "work"
    assert names(entry, work) == []
    put(tmp_path, "work/deep/train.py", RUNS)
    assert names(entry, work) == ["deep/train.py"]
    assert names(entry, work, roots=False) == [], "outside of a workspace only the file's own folder is looked at"


def test_the_search_is_bounded(tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST_READ):
        put(tmp_path, f"a{number:04}.py", "x = 1\n")
    put(tmp_path, "z.py", RUNS)
    assert names(document("", "models.py"), tmp_path) == []


def test_a_keystroke_reads_no_program_again(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "train.py", RUNS)
    put(tmp_path, "library.py", "import models\ndef f(): models.build()\n")
    memory = Memory()
    assert names(document("def build(): ...\n", "models.py"), tmp_path, memory=memory) == ["train.py"]
    known = {path: memory.imports[path][1] for path in map(str, tmp_path.glob("*.py"))}
    assert known and {path: acts for path, (_, acts) in memory.acts.items()} == {
        str(tmp_path / "train.py"): True,
        str(tmp_path / "library.py"): False,
    }
    assert names(document("def build(x): ...\n", "models.py"), tmp_path, memory=memory) == ["train.py"]
    assert all(memory.imports[path][1] is imports for path, imports in known.items())
    put(tmp_path, "train.py", "import models\n")
    assert names(document("def build(x): ...\n", "models.py"), tmp_path, memory=memory) == []
