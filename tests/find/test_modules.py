"""Which project modules a program imports, and with what text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kls.documents import Snapshot
from kls.find import imported, modules, package_of
from kls.find.modules import Memory

Document = Callable[..., Snapshot]


def put(root: Path, path: str, text: str = "") -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def names(entry: Snapshot, root: Path, **more: object) -> list[str]:
    return [source.name for source in imported(entry, [str(root)], **more)]  # type: ignore[arg-type]


def test_modules_are_found_through_each_other_nearest_first(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "blocks.py", "import data.load\n")
    put(tmp_path, "data/__init__.py", "from . import sizes\n")
    put(tmp_path, "data/load.py", "from .sizes import WIDTH\nfrom ..other import x\nimport blocks\n")
    put(tmp_path, "data/sizes.py")
    put(tmp_path, "unused.py")
    found = imported(document("import os\nimport blocks as b\n"), [str(tmp_path)])
    assert [source.name for source in found] == ["blocks", "data", "data.load", "data.sizes"]
    assert [source.package for source in found] == [False, True, False, False]
    assert found[0].path == str(tmp_path / "blocks.py")
    assert found[0].text == "import data.load\n"


def test_imports_inside_functions_and_branches_count(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "one.py")
    put(tmp_path, "two.py")
    text = "def f():\n    import one\ntry:\n    from two import *\nexcept ImportError:\n    pass\n"
    assert sorted(names(document(text), tmp_path)) == ["one", "two"]


def test_the_programs_own_folder_goes_first(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "blocks.py", "root")
    put(tmp_path, "app/blocks.py", "app")
    put(tmp_path, "app/train.py")
    (found,) = imported(document("import blocks", "app/train.py"), [str(tmp_path)])
    assert found.text == "app"


def test_relative_imports_start_from_the_files_package(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "pkg/__init__.py")
    put(tmp_path, "pkg/sub/__init__.py")
    put(tmp_path, "pkg/sub/near.py")
    put(tmp_path, "pkg/far.py")
    entry = document("from .near import x\nfrom ..far import y\nfrom .... import z\n", "pkg/sub/train.py")
    assert package_of(entry.path, [str(tmp_path)]) == "pkg.sub"
    assert names(entry, tmp_path) == ["pkg", "pkg.sub", "pkg.sub.near", "pkg.far"]


def test_namespace_packages_and_the_src_layout(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "src/space/deep/part.py", "import alone\n")
    put(tmp_path, "src/alone.py")
    assert names(document("from space.deep import part\n", "scripts/train.py"), tmp_path) == [
        "space.deep.part",
        "alone",
    ]
    inside = document("from . import part\n", "src/space/deep/train.py")
    assert package_of(inside.path, [str(tmp_path)]) == "space.deep"
    assert names(inside, tmp_path) == ["space.deep.part", "alone"]


def test_an_installed_package_goes_before_a_folder_of_its_name(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "work/keras/notes.py")
    put(tmp_path, "env/site-packages/keras/__init__.py")
    entry = document("import keras.notes", "work/train.py")
    work = tmp_path / "work"
    assert names(entry, work) == ["keras.notes"]
    assert names(entry, work, sys_path=[str(tmp_path / "env" / "site-packages")]) == []


def test_unsaved_buffers_win_over_files(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "blocks.py", "old")
    buffers = {str(tmp_path / "blocks.py"): "import unborn\n", str(tmp_path / "unborn.py"): "new"}
    found = imported(document("import blocks"), [str(tmp_path)], buffers)
    assert [(source.name, source.text) for source in found] == [("blocks", "import unborn\n"), ("unborn", "new")]


def test_files_that_are_not_of_the_project_are_not_there(tmp_path: Path, document: Document) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    put(outside, "secret.py", "token = 1")
    put(outside, ".ssh/key.py", "token = 1")
    put(project, ".hidden.py")
    put(project, ".git/config.py")
    put(project, ".venv/lib/python3.11/site-packages/dep/__init__.py")
    (project / "stolen.py").symlink_to(outside / "secret.py")
    (project / "key.py").symlink_to(outside / ".ssh" / "key.py")
    (project / "dotted.py").symlink_to(project / ".hidden.py")
    (project / "linked").symlink_to(project / ".git")
    text = "import stolen, key, dotted, linked.config, secret, dep\n"
    search = [str(project / ".venv/lib/python3.11/site-packages")]
    assert names(document(text, "project/train.py"), project, sys_path=search) == []


def test_encodings_are_those_that_python_reads(tmp_path: Path, document: Document) -> None:
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1"))
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    (tmp_path / "garbage.py").write_bytes(b"x = '\xff\xfe'\n")
    (tmp_path / "odd.py").write_bytes(b"# coding: no-such-codec\n")
    found = imported(document("import latin, marked, garbage, odd"), [str(tmp_path)])
    assert {source.name: source.text for source in found} == {
        "latin": "# -*- coding: latin-1 -*-\nname = 'é'\n",
        "marked": "x = 1\n",
    }


def test_syntax_errors_do_not_hide_imports(tmp_path: Path, document: Document) -> None:
    put(tmp_path, "broken.py", "import fine\nx = (\nfrom also import y as z, (\ndef f(:\n")
    put(tmp_path, "fine.py")
    put(tmp_path, "also.py")
    assert names(document("import broken\nif x\n    y = [\n"), tmp_path) == ["broken", "fine", "also"]


def test_the_number_and_the_size_of_modules_are_bounded(
    tmp_path: Path, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(modules.MOST_MODULES + 20):
        put(tmp_path, f"m{number}.py", f"import m{number + 1}\n")
    assert len(names(document("import m0"), tmp_path)) == modules.MOST_MODULES
    monkeypatch.setattr(modules, "MOST_BYTES", 100)
    assert len(names(document("import m0"), tmp_path)) == 9  # of 10 bytes each; m9 imports m10 and has 11


def test_memory_forgets_what_changed_on_disk(tmp_path: Path, document: Document) -> None:
    memory = Memory()
    put(tmp_path, "blocks.py", "import one\n")
    put(tmp_path, "one.py")
    entry = document("import blocks")
    assert names(entry, tmp_path, memory=memory) == ["blocks", "one"]
    put(tmp_path, "blocks.py", "import one, other\n")
    put(tmp_path, "other.py")
    assert names(entry, tmp_path, memory=memory) == ["blocks", "one", "other"]
