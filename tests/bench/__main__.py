"""How quick kls is, beside Keras itself on the same machine in the same minute: `python -m tests.bench`.

Measured: the time from a keystroke to its diagnostics through a real language client; beside it Keras building the same
model in a warm process, and the script run cold. A cold `kls check` beside the import of TensorFlow and Keras. And a
model of fifty billion parameters, which Keras could build in no memory at hand. Prints medians and ratios; judge by the
ratios, machines differ.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from kls import plan
from kls.documents import Snapshot
from kls.host import Host

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
KEYSTROKES = 20


async def keystrokes(program: Path) -> list[float]:
    """Seconds from each of `KEYSTROKES` edits, each of which changes what is found, to the diagnostics that follow."""
    text = program.read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / program.name
        path.write_text(text)
        uri = path.as_uri()
        client = LanguageClient("kls-bench", "1")
        news: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()

        @client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _published(params: lsp.PublishDiagnosticsParams) -> None:
            news.put_nowait(params)

        await client.start_io(sys.executable, "-m", "kls", "server")
        await client.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(),
                root_uri=Path(folder).as_uri(),
                initialization_options={"trusted": True},
            )
        )
        client.initialized(lsp.InitializedParams())
        version, seconds = 1, []
        broken = text.replace("layers.Flatten(),", "")
        client.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "python", version, broken))
        )
        await _until(news, True)
        for number in range(KEYSTROKES):
            version += 1
            wrong = number % 2 == 1
            changed = (broken if wrong else text) + f"\n# edit {number}\n"
            started = time.perf_counter()
            client.text_document_did_change(
                lsp.DidChangeTextDocumentParams(
                    lsp.VersionedTextDocumentIdentifier(uri=uri, version=version),
                    [lsp.TextDocumentContentChangeWholeDocument(changed)],
                )
            )
            await _until(news, wrong)
            seconds.append(time.perf_counter() - started)
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()
    return seconds


async def _until(news: asyncio.Queue[lsp.PublishDiagnosticsParams], wrong: bool) -> None:
    """Wait for diagnostics with an error, or without one."""
    while True:
        params = await asyncio.wait_for(news.get(), 120)
        loud = any(item.severity == lsp.DiagnosticSeverity.Error for item in params.diagnostics)
        if loud == wrong:
            return


def warm_keras(program: Path, times: int) -> list[float]:
    """Seconds that Keras takes for the same program without `fit`, in a warm process."""
    command = [sys.executable, str(HERE / "warm_keras.py"), str(program), str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(item) for item in json.loads(done.stdout.strip().splitlines()[-1])]


def cold_script(program: Path, times: int) -> list[float]:
    """Seconds that the script takes from nothing, one epoch of it."""
    seconds: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run([sys.executable, str(program)], capture_output=True, check=True)
        seconds.append(time.perf_counter() - started)
    return seconds


def cold_check(program: Path, times: int) -> tuple[list[float], list[float]]:
    """Seconds that `kls check` of the program takes from nothing, and those of nothing but importing TensorFlow and
    Keras: one after the other, so that both find the machine alike."""
    check = [sys.executable, "-m", "kls", "check", "--python", sys.executable, str(program)]
    both: tuple[list[float], list[float]] = [], []
    for _ in range(times):
        for command, seconds in zip((check, [sys.executable, "-c", "import tensorflow, keras"]), both, strict=True):
            started = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            seconds.append(time.perf_counter() - started)
    return both


async def huge() -> dict[str, float | int | bool | None]:
    """One dry run of the fifty-billion-parameter program: seconds, parameters."""
    path = PROGRAMS / "fifty_billion.py"
    host = Host(sys.executable)
    await host.start()
    probe = plan.plan(Snapshot(path.as_uri(), str(path), 1, path.read_text()))
    started = time.perf_counter()
    report = await host.ask(probe)
    seconds = time.perf_counter() - started
    await host.stop()
    model = report.models[0] if report.models else None
    traced = any(call.status == "traced" for call in report.calls)
    return {
        "seconds": seconds,
        "parameters": model.parameters if model is not None else None,
        "traced": traced,
        "complete": report.complete,
    }


def main() -> None:
    """Print the figures."""
    program = PROGRAMS / "small_cnn.py"
    typed = asyncio.run(keystrokes(program))
    warm = warm_keras(program, 20)
    cold = cold_script(program, 3)
    middle = statistics.median(typed)
    print(f"keystroke to diagnostics, small CNN: median {middle:.3f} s, worst {max(typed):.3f} s of {len(typed)}")
    print(f"Keras builds the same model, warm:   median {statistics.median(warm):.3f} s")
    print(f"the script, cold, one epoch:         median {statistics.median(cold):.2f} s")
    print(f"keystroke / Keras warm:              {middle / statistics.median(warm):.2f}")
    print(f"keystroke / script cold:             {middle / statistics.median(cold):.3f}")
    checked, imported = map(statistics.median, cold_check(program, 7))
    print(f"kls check, cold:                     median {checked:.2f} s")
    print(f"importing TensorFlow and Keras, cold: median {imported:.2f} s")
    print(f"kls check cold / importing cold:     {checked / imported:.2f}")
    print(f"fifty billion parameters:            {asyncio.run(huge())}")


if __name__ == "__main__":
    main()
