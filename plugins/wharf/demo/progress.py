"""Lines with the time since the start; on a terminal one line is kept moving."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text


class Progress:
    """Tells a person what is going on."""

    def __init__(self, begun: datetime) -> None:
        self.begun = begun
        self._console = Console(highlight=False, soft_wrap=True)
        self._shown = ""

    def elapsed(self) -> float:
        """Seconds since the start."""
        return (datetime.now(UTC) - self.begun).total_seconds()

    def say(self, text: str) -> None:
        """Print one line."""
        self._print(Text(text))

    def warn(self, text: str) -> None:
        """Print one line that asks for attention."""
        self._print(Text(text, style="red"))

    def show(self, text: str) -> None:
        """Print a state when it is another than the last one shown."""
        if text != self._shown:
            self._shown = text
            self._print(Text(text, style="dim"))

    def _print(self, text: Text) -> None:
        self._console.print(Text(f"[{self.elapsed():4.0f} s] ", style="cyan") + text)
