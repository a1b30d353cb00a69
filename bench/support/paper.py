"""What a terminal shows of what a program writes to it: enough of one to read the screen of ours."""

from __future__ import annotations

import codecs
import re

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<codes>[\d;]*)m"
    r"|\x1b\[[\d;?<=>$]*[ -/]*[@-~]"  # other sequences that we need not follow
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[^\[\]]"
    r"|(?P<text>[^\x1b\r\n\x07]+)|[\r\n\x07]"
)


class Paper:
    """The cells that were written: a character and a look for each, in two tables. The rest of a wide one is empty."""

    def __init__(self) -> None:
        self.characters: dict[int, list[str]] = {}  # by row, the first of which is 1
        self.looks: dict[int, list[str]] = {}
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = ""
        self._row = self._column = 1
        self._look = ""

    def feed(self, data: bytes) -> None:
        """Take what was read from the terminal; a sequence may continue in the next piece."""
        self.write(self._decode.decode(data))

    def write(self, text: str) -> None:
        """Take text with escape sequences."""
        text, end = self._left + text, 0
        while found := _TOKEN.match(text, end):
            end = found.end()
            if found["row"]:
                self._row, self._column = int(found["row"]), int(found["column"])
            elif found["codes"] is not None:
                self._look = "" if found["codes"] == "0" else found["codes"]
            elif found["text"]:
                for character in found["text"]:
                    self._put(character)
        self._left = text[end:]

    def _put(self, character: str) -> None:
        characters = self.characters.setdefault(self._row, [])
        looks = self.looks.setdefault(self._row, [])
        for place in range(cell_len(character)):
            at = self._column - 1
            missing = at + 1 - len(characters)
            characters += [" "] * missing
            looks += [""] * missing
            characters[at], looks[at] = "" if place else character, self._look
            self._column += 1

    @property
    def text(self) -> str:
        """What is on the screen, line by line."""
        return "\n".join("".join(self.characters[row]) for row in sorted(self.characters))
