"""The dry run to ask for: which file runs as `__main__`, which project modules it may import, what it may read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from kls.documents import Snapshot
from kls.worker.protocol import Probe, Source


def plan(
    snapshot: Snapshot,
    modules: Iterable[Source] = (),
    *,
    root: str | None = None,
    readable: Iterable[str] = (),
    seconds: float = 8.0,
    number: int = 0,
    package: str = "",
    folder: str = "",
) -> Probe:
    """The probe of one document. `root` is the folder that it may look into, by default its own; `folder` the one that
    its relative paths start from (`find.working_folder`), by default `root`; `package` what its relative imports start
    from (`find.started_in`)."""
    path = snapshot.path or snapshot.uri
    main = Source("__main__", path, snapshot.text)
    own = str(Path(path).parent) if snapshot.path else "/"
    return Probe(number, (main, *modules), root or own, tuple(readable), seconds, package=package, folder=folder)


def digest(probe: Probe) -> str:
    """A name for what the answer to `probe` depends on, the same for the same texts."""
    state = hashlib.sha256()
    for source in probe.sources:
        state.update(f"{source.name}\0{source.path}\0{source.text}\0".encode("utf-8", "surrogatepass"))
    state.update(f"{probe.root}\0{probe.readable}\0{probe.seconds}\0{probe.package}\0{probe.folder}".encode())
    return state.hexdigest()
