"""The evidence of a dispute while it is edited as a text: one with faults is opened again, and never lost."""

from __future__ import annotations

from collections.abc import Mapping

from checkout_daemon.disputes.evidence_fields import read_evidence
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.private_files import keep_text


class EvidenceEditing:
    """Rounds of an editor. `text` is what the next round opens: the original, or the last text with faults."""

    def __init__(self, original: str) -> None:
        self._original = original
        self._faulty: str | None = None

    @property
    def text(self) -> str:
        """Return the text to open in the editor."""
        return self._original if self._faulty is None else self._faulty

    def take(self, edited: str | None) -> Mapping[str, str] | None:
        """Return the texts of a round, or None if they are the original; `edited` is None if it was left as it was.

        Raise InvalidRequest with every fault, after which `text` is the edited one.
        """
        text = self.text if edited is None else edited
        if text == self._original:
            return None
        try:
            return read_evidence(text).texts
        except InvalidRequest:
            self._faulty = text
            raise

    def keep(self) -> str:
        """Keep the last text with faults in a private file. Return a sentence with its path, or "" without one."""
        return "" if self._faulty is None else kept(self._faulty)


def kept(text: str) -> str:
    """Keep a text of evidence in a new private file, and return a sentence with its path."""
    return f"Your text is in {keep_text(text, 'checkout-evidence')}"
