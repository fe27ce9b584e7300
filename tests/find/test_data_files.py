"""Which data files of a workspace a program speaks of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kls.find import data_files, working_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "train.csv",
        "data/train.csv",
        "data/deep/weights.npy",
        "conf/model.yaml",
        "data/.secret/keys.json",
        ".env.json",
        "notes.md",
        "venv/pyvenv.cfg",
        "venv/lib.csv",
    ):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a,b\n")
    (tmp_path / "outside.csv").write_text("a,b\n")
    return tmp_path / "project"


def names(project: Path, *texts: str, first: str = "") -> list[str]:
    found = data_files(texts, (str(project),), str(project / first) if first else "")
    return [os.path.relpath(path, os.path.realpath(project)).replace(os.sep, "/") for path in found]


def test_a_name_in_quotes_is_found_wherever_it_is_put_together(project: Path) -> None:
    text = """table = pd.read_csv(os.path.join(folder, "train.csv"))\nw = np.load(f'{root}/deep/weights.npy')\n"""
    assert names(project, text) == ["train.csv", "data/train.csv", "data/deep/weights.npy"]
    assert names(project, text, first="data")[0] == "data/train.csv"
    assert names(project, "x = 1\n", "settings = yaml.safe_load(open('conf/model.yaml'))\n") == ["conf/model.yaml"]


def test_what_is_not_named_or_hidden_or_no_data_is_not(project: Path) -> None:
    assert names(project, "x = np.load(train)\n") == []
    text = "open('keys.json'); open('.env.json'); open('notes.md'); open('lib.csv'); open('outside.csv')\n"
    assert names(project, text) == []


def test_nothing_outside_the_folders_is_found(project: Path) -> None:
    try:
        (project / "link.csv").symlink_to(project.parent / "outside.csv")
    except OSError:
        pytest.skip("no links here")
    assert names(project, "open('link.csv')") == []
    assert data_files(["open('train.csv')"], (str(project / "data"),), str(project)) == (
        os.path.realpath(project / "data" / "train.csv"),
    )


def test_paths_start_where_more_of_them_lead_somewhere(project: Path) -> None:
    def start(script: str, text: str) -> str:
        folder = working_folder(str(project / script), [text], (str(project),), str(project))
        return os.path.relpath(folder, project).replace(os.sep, "/")

    assert start("data/deep/train.py", "open('../train.csv')") == "data/deep"
    assert start("data/deep/train.py", "folder = '../deep'; open(f'{folder}/weights.npy')") == "data/deep"
    assert start("data/deep/train.py", "open('data/train.csv')") == "."
    assert start("data/train.py", "open('train.csv')") == "."
    assert start("data/train.py", "open('../../outside.csv'); open('deep/weights.npy')") == "data"
    assert start("data/train.py", "open('../../outside.csv'); x = 'and/or'") == "."
    assert start("data/deep/train.ipynb", "open('data/train.csv')") == "data/deep"
    assert start("train.py", "x = 1") == "."
