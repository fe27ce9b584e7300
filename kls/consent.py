"""Whether programs may be dry-run here: what the client, the user's answers and the user's configuration say.

A folder that nobody spoke of is asked about once, and its programs are read but not run meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from kls import trust

log = logging.getLogger(__name__)


class Consent:
    """What was said of folders and of weak sandboxes in this session. `ask` asks the user about a folder, in the
    background."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        self.client: bool | None = None
        """What the client said of the whole workspace; None where it said nothing."""
        self.weak_asked = False
        """Whether the user was asked about a weak sandbox."""
        self._ask = ask
        self._answers: dict[str, bool] = {}
        self._asked: set[str] = set()
        self._stamp = trust.stamp()

    def refusal(self, folder: str) -> str | None:
        """Why programs of `folder` may not be run, in one sentence; None where they may. Asks once where unknown."""
        if self.client is not None:
            return None if self.client else "this workspace is not trusted, so its programs are read but not run"
        known = self._answers.get(folder)
        if known is None and folder:
            known = trust.recall(folder)
        if known is None and folder not in self._asked:
            self._asked.add(folder)
            self._ask(folder)
        if known:
            return None
        if known is None:
            return f"{folder or 'this document'} is not trusted yet, so its programs are read but not run"
        return f"{folder} is not trusted, so its programs are read but not run"

    def answer(self, folder: str, trusted: bool) -> None:
        """The user decided about a folder, for now and later."""
        self._answers[folder] = trusted
        try:
            trust.remember(folder, trusted, "the question of an editor")
        except OSError as error:
            log.warning("the answer about %s cannot be kept: %s", folder, error)
        self._stamp = trust.stamp()

    def answer_weak(self, agreed: bool) -> None:
        """The user decided about dry runs in a weak sandbox, for now and later."""
        try:
            trust.agree_weak(agreed)
        except OSError as error:
            log.warning("the answer about the weak sandbox cannot be kept: %s", error)
        self._stamp = trust.stamp()

    def is_new(self) -> bool:
        """Whether `kls trust` or another server has written something since this was last asked; the answers of this
        session no longer count then."""
        now = trust.stamp()
        if now == self._stamp:
            return False
        self._stamp = now
        self._answers.clear()
        return True

    def facts(self, folders: Iterable[str]) -> dict[str, Any]:
        """Who may be dry-run and who said so, for a status page."""
        named = [folder for folder in dict.fromkeys(folders) if folder]
        return {
            "by": "the editor" if self.client is not None else "your own configuration",
            "folders": {folder: self._trusts(folder) for folder in named},
            "answers": [asdict(said) for folder in named if (said := trust.answer(folder))],
            "weak": trust.weak_agreed(),
        }

    def _trusts(self, folder: str) -> bool | None:
        if self.client is not None:
            return self.client
        known = self._answers.get(folder)
        return trust.recall(folder) if known is None else known
