"""Which Python holds the author's TensorFlow: found by reading files alone; nothing is ever executed here.

The order: the setting; `python` of `[tool.kls]`; the active environment (VIRTUAL_ENV, CONDA_PREFIX); an environment in
the folder (`.venv`, `venv`, `env`, `.env`, `.conda`, then any other by its pyvenv.cfg); the Python that runs kls;
python3 on PATH. The first two are taken at their word; of the others the first that has TensorFlow, else the first
that exists. What lies inside the workspace came with the workspace, and is considered only where that is trusted.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

_WINDOWS = os.name == "nt"
_NAMES = ("python.exe",) if _WINDOWS else ("python3", "python")
_DISTRIBUTION = re.compile(
    r"(tensorflow(?:_cpu|_gpu|_intel|_macos|_rocm)?|tf_nightly(?:_cpu)?|keras)-([^-]+)\.dist-info"
)
_USUAL = (".venv", "venv", "env", ".env", ".conda")
"""Names that people and tools give to the environment in a project's folder, the most usual first."""
_MOST_FOLDERS = 1000
"""How many entries of a project's folder are looked at for an environment of another name."""
MAX_METADATA = 1 << 16
"""How much of a METADATA or pyvenv.cfg file is read, in bytes."""


@dataclass(frozen=True)
class Choice:
    """An interpreter. `path` is absolute with links kept (a virtual environment's python is a link); `origin` says in
    words where it was found; `inside` whether it lies in the workspace.

    `site` are its folders of packages, `user_site` those of them that belong to the user and not to the interpreter.
    `tensorflow` and `keras` are the installed versions by their METADATA, None where there is none.
    """

    path: str
    origin: str
    inside: bool
    site: tuple[str, ...]
    user_site: tuple[str, ...]
    tensorflow: str | None
    keras: str | None
    passed_over: bool = False
    """Whether an interpreter inside the workspace would have come first, had the folder been trusted."""


def find(
    root: str,
    *,
    setting: str | None = None,
    project: str | None = None,
    trusted: bool = False,
    environment: Mapping[str, str] | None = None,
) -> tuple[Choice | None, str | None]:
    """The interpreter for programs in the folder `root`, or None and the reason in one sentence.

    `setting` is the user's own (`kls.worker.interpreter`), `project` comes from `[tool.kls]` and counts only where
    `root` is trusted. Both may name a program, the folder of an environment, or (`project`) a path from `root`.
    """
    environment = os.environ if environment is None else environment
    if setting:
        return _told(os.path.join(root, os.path.expanduser(setting)), root, "kls.worker.interpreter", environment)
    if project and trusted:
        return _told(os.path.join(root, os.path.expanduser(project)), root, "[tool.kls] python", environment)
    first: Choice | None = None
    passed_over = False
    for path, origin in _candidates(root, environment):
        choice = _choice(path, root, origin, environment)
        if choice.inside and not trusted:
            passed_over = True
            continue
        choice = replace(choice, passed_over=passed_over)
        if choice.tensorflow is not None:
            return choice, None
        first = first or choice
    if first is not None:
        return first, None
    return None, "no Python was found; set kls.worker.interpreter to the one that has your TensorFlow"


def advice(choice: Choice) -> str | None:
    """What to do when `choice` cannot serve, in one sentence, as far as its METADATA tells; None when it seems fit."""
    if choice.tensorflow is None:
        return f"no TensorFlow in {choice.path} ({choice.origin}); install it with: {_pip(choice)} tensorflow"
    if choice.keras is not None and not choice.keras.startswith("3."):
        return (
            f"Keras {choice.keras} in {choice.path} ({choice.origin}) is too old, dry runs need Keras 3; "
            f"install it with: {_pip(choice)} --upgrade tensorflow keras"
        )
    return None


def keras(choice: Choice | None, environment: Mapping[str, str] | None = None) -> str | None:
    """The version of the Keras that `keras` and `tf.keras` both are for programs of `choice`, by METADATA alone; None
    where there is none, where they differ (TensorFlow before 2.16 brings its own, TF_USE_LEGACY_KERAS asks for
    another), or where an environment inside the folder was passed over for want of trust."""
    environment = os.environ if environment is None else environment
    if choice is None or choice.keras is None or choice.passed_over:
        return None
    legacy = environment.get("TF_USE_LEGACY_KERAS", "") in ("1", "true", "True")
    older = re.match(r"(\d+)\.(\d+)", choice.tensorflow or "2.16")
    if legacy or older is None or (int(older[1]), int(older[2])) < (2, 16):
        return None
    return choice.keras


def backend(environment: Mapping[str, str] | None = None) -> str | None:
    """The Keras backend that the user has configured (KERAS_BACKEND, else keras.json); None for Keras's own default."""
    environment = os.environ if environment is None else environment
    if environment.get("KERAS_BACKEND"):
        return environment["KERAS_BACKEND"]
    folder = environment.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    told = re.search(r'"backend"\s*:\s*"(\w+)"', _read(Path(folder) / "keras.json"))
    return told[1] if told else None


def _pip(choice: Choice) -> str:
    return f"{choice.path} -m pip install"


def _told(path: str, root: str, origin: str, environment: Mapping[str, str]) -> tuple[Choice | None, str | None]:
    path = os.path.abspath(path)
    if os.path.isdir(path):
        found = _python_of(path)
        if found is None:
            return None, f"{origin} is {path}, a folder without a Python"
        path = found
    if not os.path.isfile(path):
        return None, f"{origin} is {path}, which does not exist"
    if not os.access(path, os.X_OK):
        return None, f"{origin} is {path}, which is not a program"
    return _choice(path, root, f"from {origin}", environment), None


def _candidates(root: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = environment.get(variable, "")
        python = _python_of(folder) if os.path.isabs(folder) else None
        if python:
            yield python, f"from {variable}"
    for name in _in_folder(root) if root else ():
        python = _python_of(os.path.join(root, name))
        if python:
            yield python, f"{name} of the folder"
    if sys.executable:
        yield os.path.abspath(sys.executable), "the Python that runs kls"
    for folder in environment.get("PATH", "").split(os.pathsep):
        if os.path.isabs(folder):
            for name in _NAMES:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and os.access(path, os.X_OK):
                    yield _behind_shim(path, root, environment), f"{name} on PATH"


def _in_folder(root: str) -> Iterator[str]:
    """Names of what may be environments directly in `root`: the usual ones, then by name all with a pyvenv.cfg."""
    yield from _USUAL
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in itertools.islice(entries, _MOST_FOLDERS))
    except OSError:
        return
    for name in names:
        if name not in _USUAL and os.path.isfile(os.path.join(root, name, "pyvenv.cfg")):
            yield name


def _python_of(folder: str) -> str | None:
    """The interpreter of an environment's folder."""
    places = [folder, os.path.join(folder, "Scripts")] if _WINDOWS else [os.path.join(folder, "bin")]
    paths = (os.path.join(place, name) for place in places for name in _NAMES)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _behind_shim(path: str, root: str, environment: Mapping[str, str]) -> str:
    """The interpreter that pyenv's shell script of this name would start."""
    folder = Path(path).parent
    if folder.name != "shims" or not (folder.parent / "versions").is_dir():
        return path
    named = [environment.get("PYENV_VERSION", "")]
    here = Path(root or os.sep)
    named += [_read(place / ".python-version") for place in (here, *here.parents)]
    named.append(_read(folder.parent / "version"))
    chosen = next((line.strip() for text in named for line in text.split() if line.strip()), "")
    if not re.fullmatch(r"[\w.+-]+", chosen):
        return path
    return _python_of(str(folder.parent / "versions" / chosen)) or path


def _choice(path: str, root: str, origin: str, environment: Mapping[str, str]) -> Choice:
    inside = bool(root) and (
        _below(path, root) or _below(os.path.realpath(os.path.dirname(path)), os.path.realpath(root))
    )
    site, user = _site(path, environment)
    versions: dict[str, str] = {}
    for folder in (*site, *user):
        for name, version in _installed(folder):
            versions.setdefault("keras" if name == "keras" else "tensorflow", version)
    return Choice(path, origin, inside, (*site, *user), user, versions.get("tensorflow"), versions.get("keras"))


def _below(path: str, folder: str) -> bool:
    return os.path.normcase(path).startswith(os.path.normcase(folder).rstrip("/\\") + os.sep)


def _site(path: str, environment: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders of packages of the interpreter at `path`: its own, and the user's where it looks there."""
    prefix = Path(path).parent
    if prefix.name.lower() in ("bin", "scripts"):
        prefix = prefix.parent
    configuration = _pyvenv(prefix)
    if not configuration:
        return _base_site(Path(os.path.realpath(path)), environment)
    own = _packages(prefix, _short(configuration.get("version") or configuration.get("version_info") or ""))
    if configuration.get("include-system-site-packages", "").lower() != "true":
        return own, ()
    base, user = _base_site(Path(os.path.realpath(path)), environment)
    return (*own, *base), user


def _base_site(program: Path, environment: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    named = re.search(r"python(3\.\d+)", program.name)
    version = named[1] if named else ""
    prefix = program.parent.parent if program.parent.name == "bin" else program.parent
    own = _packages(prefix, version)
    if str(prefix) == "/usr":
        own = (*_packages(Path("/usr/local"), version), *own)
    home = environment.get("APPDATA" if _WINDOWS else "HOME", "")
    if not home:
        return own, ()
    user = Path(home) / "Python" if _WINDOWS else Path(home) / ".local"
    return own, _packages(user, version)


def _packages(prefix: Path, version: str) -> tuple[str, ...]:
    """Existing site-packages of `prefix` for Python `version` ("3.11"; "" for any)."""
    if _WINDOWS:
        patterns = ["Lib/site-packages", f"Python{version.replace('.', '') or '3*'}/site-packages"]
    else:
        patterns = [
            f"{lib}/python{which}/{kind}"
            for lib in ("lib", "lib64")
            for which in (version or "3.*", "3")
            for kind in ("site-packages", "dist-packages")
        ]
    found: dict[str, None] = {}
    for pattern in patterns:
        for place in sorted(prefix.glob(pattern)):
            found.setdefault(str(place.parent.resolve() / place.name))
    return tuple(found)


def _installed(folder: str) -> Iterator[tuple[str, str]]:
    """(distribution, version) of TensorFlow and Keras in one site-packages."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        match = _DISTRIBUTION.fullmatch(name)
        if match:
            told = re.search(r"^Version: *(\S+)", _read(Path(folder) / name / "METADATA"), re.MULTILINE)
            yield match[1], told[1] if told else match[2]


def _pyvenv(prefix: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in _read(prefix / "pyvenv.cfg").splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _short(version: str) -> str:
    match = re.match(r"3\.\d+", version)
    return match[0] if match else ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_METADATA).decode(errors="replace")
    except OSError:
        return ""
