"""Programs that `absl`, `click` and `typer` start: their defaults, what must be given, and what follows a failure."""

from __future__ import annotations

import pytest

from kls import check, describe, plan, witnesses
from kls.documents import Snapshot
from kls.host import Host
from kls.worker.protocol import Report
from tests.marks import ONE_WORKER

pytestmark = ONE_WORKER
BODY = (
    "    frame = np.load({data})\n"
    "    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense({units})])\n"
    "    model.compile('adam', 'mse')\n"
    "    model.fit(np.zeros((20, 4)), np.zeros((20, 5)))\n"
    "    model.predict(frame)\n"
)
ABSL = (
    "from absl import app, flags\nimport numpy as np\nimport keras\n"
    "FLAGS = flags.FLAGS\n"
    "flags.DEFINE_string('data', None, 'Where.', required=True)\n"
    "flags.DEFINE_integer('units', 5, 'Units.')\n"
    "def main(_):\n" + BODY.format(data="FLAGS.data", units="FLAGS.units") + "if __name__ == '__main__':\n"
    "    app.run(main)\n"
)
PROMPT = (
    "import click\nimport numpy as np\nimport keras\n"
    "@click.command()\n"
    "@click.option('--units', prompt=True, type=int)\n"
    "@click.option('--weights')\n"
    "def main(units, weights):\n"
    "    keras.layers.Dense(4 if weights is None else 'many')\n"
    "    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])\n"
    "    model.compile('adam', 'mse')\n"
    "    model.fit(np.zeros((20, 4)), np.zeros((20, 5)))\n"
    "main()\n"
)
CLICK = (
    "import click\nimport numpy as np\nimport keras\n"
    "@click.command()\n"
    "@click.argument('data', type=click.Path(exists=True))\n"
    "@click.option('--units', default=5)\n"
    "def main(data, units):\n" + BODY.format(data="data", units="units") + "if __name__ == '__main__':\n"
    "    main()\n"
)
GROUP = CLICK.replace(
    "@click.command()\n",
    "@click.group()\n@click.option('--seed', default=1)\n@click.pass_context\n"
    "def cli(ctx, seed):\n    ctx.obj = {'units': 3 + 2 * seed}\n"
    "@cli.command()\n@click.pass_obj\n",
).replace("main(data, units)", "main(obj, data, units)").replace("Dense(units)", "Dense(obj['units'])").replace(
    "    main()\n", "    cli()\n"
)  # fmt: skip

TYPER = (
    "import typer\nimport numpy as np\nimport keras\nfrom pathlib import Path\n"
    "app = typer.Typer()\n"
    "@app.command()\n"
    "def train(data: Path, units: int = 5):\n" + BODY.format(data="data", units="units") + "@app.command()\n"
    "def nothing(): pass\n"
    "if __name__ == '__main__':\n"
    "    app()\n"
)


async def judge(real: Host, text: str) -> tuple[Report, list[str]]:
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    report = await witnesses.ask(plan.plan(snapshot, seconds=60), real.ask)
    assert report.complete, report.ended
    return report, [item.code for item in check.check(snapshot, (), report)]


@pytest.mark.parametrize("text", [ABSL, CLICK, GROUP, TYPER], ids=["absl", "click", "group", "typer"])
async def test_a_program_runs_with_its_defaults(real: Host, text: str) -> None:
    for package in ("click", "typer"):
        if package in text:
            pytest.importorskip(package)
    report, codes = await judge(real, text)
    assert codes == []
    assert [(call.method, call.status) for call in report.calls] == [("fit", "traced"), ("predict", "unknown")]
    assert "is given on the command line" in (report.calls[1].reason or "")
    (dense,) = [layer for layer in report.layers if layer.cls == "Dense"]
    assert describe.tensors_text(dense.outputs) == "(None, 5) float32"
    _, codes = await judge(real, text.replace("np.zeros((20, 4))", "np.zeros((20, 3))"))
    assert codes == ["input-shape"]


async def test_what_is_asked_for_is_not_known_and_what_is_not_given_is_none(real: Host) -> None:
    pytest.importorskip("click")
    report, codes = await judge(real, PROMPT)
    assert codes == [] and [call.method for call in report.calls] == ["fit"]
    assert {describe.tensors_text(layer.outputs) for layer in report.layers if layer.called} >= {
        "(None, units) float32"
    }
