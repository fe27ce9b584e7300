"""How jupyterlab-lsp starts kls: it finds this by the entry point `jupyter_lsp_spec_v1`, so no setting is needed."""

from __future__ import annotations

import sys
from typing import Any


def spec(_app: object) -> dict[str, Any]:
    """The server's specification, version 2 of jupyter_lsp's schema.

    Python runs isolated: jupyter_lsp starts servers in the notebooks' folder, of which nothing may be imported.
    """
    return {
        "kls": {
            "version": 2,
            "argv": [sys.executable, "-I", "-m", "kls", "server"],
            "languages": ["python"],
            "mime_types": ["text/x-python", "text/x-ipython"],
            "display_name": "Keras Language Server",
        }
    }
