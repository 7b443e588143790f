"""A progress bar on stderr, drawn only where somebody sees it."""

from __future__ import annotations

import sys
import time


class ProgressBar:
    """Counts up to a total; silent unless enabled and stderr is a terminal."""

    def __init__(self, label: str, total: int, enabled: bool, unit: str = "it"):
        self._enabled = enabled and sys.stderr.isatty()
        self._label, self._total, self._unit = label, total, unit
        self._start = time.monotonic()
        self._drawn = 0.0

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Draws, at most ten times a second."""
        now = time.monotonic()
        self._total = total if total is not None else self._total
        if not self._enabled or (now - self._drawn < 0.1 and done < self._total):
            return
        self._drawn = now
        share = min(done / self._total, 1.0) if self._total else 0.0
        filled = int(share * 30)
        rate = done / max(now - self._start, 1e-9)
        line = f"\r{self._label} [{'#' * filled}{'.' * (30 - filled)}] {share:4.0%} {rate:.1f} {self._unit}/s {note}"
        sys.stderr.write(line + "\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        """Leaves the line."""
        if self._enabled and self._drawn:
            sys.stderr.write("\n")
            sys.stderr.flush()
