"""What a run looks like in a terminal: bars and panels where somebody watches, plain lines where nobody does."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from etymon.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console

# Work shorter than this needs no bar; without a terminal a line this often is enough.
QUIET_SECONDS = 2.0
LINE_SECONDS = 15.0


def narrator(json: bool) -> Plain | Bars:
    """Bars on a terminal, plain lines elsewhere; on standard error where standard output belongs to a machine."""
    stream = sys.stderr if json else sys.stdout
    if not stream.isatty():
        return Plain(stream)
    from rich.console import Console

    return Bars(Console(file=stream, highlight=False))


def safe(text: str) -> str:
    """Text that may come from anywhere, with control characters made visible, so that it cannot steer a terminal."""
    return "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\t", "    "))


def duration(seconds: float) -> str:
    """75 -> "1:15"."""
    whole = int(seconds)
    return (
        f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= 3600 else f"{whole // 60}:{whole % 60:02}"
    )


class Pace:
    """How far a piece of work is and how long it will still take, from the share done and the time it took."""

    def __init__(self) -> None:
        self.begin = time.monotonic()
        self._first: tuple[float, float] | None = None

    def line(self, done: float, total: float | None, note: str) -> str:
        """ "43%, 1:15 remaining, loss 2.31". Work that goes on had a part done when it was first asked about: only what
        was done since tells how fast it is."""
        now = time.monotonic()
        at, before = self._first = self._first or (now, done)
        words = [f"{duration(now - self.begin)} so far"]
        if total and done > before:
            left = (now - at) * max(total - done, 0) / (done - before)
            words = [f"{min(done / total, 1):.0%}", f"{duration(left)} remaining"]
        return ", ".join([*words, *([note] if note else [])])


class Plain:
    """One line per event; a line of progress now and then."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def say(self, text: str) -> None:
        print(safe(text), file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        self.say(f"! {text}")

    @contextmanager
    def phase(self, title: str) -> Generator[Progress]:
        pace = Pace()
        last = pace.begin

        def progress(done: float, total: float | None = None, note: str = "") -> None:
            nonlocal last
            line = pace.line(done, total, note)
            if time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                self.say(f"  {title}: {line}")

        yield progress
        if time.monotonic() - pace.begin >= QUIET_SECONDS:
            self.say(f"  {title}: done in {duration(time.monotonic() - pace.begin)}")

    def sample(self, title: str, note: str, prompt: str, text: str) -> None:
        shown = " ".join(f"{prompt} | {text}".split())
        self.say(f"  {title} ({note}): {shown[:300]}")


class Bars:
    """Progress bars with the time that remains, and what the models write as they learn."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str) -> None:
        self.console.print(safe(text), markup=False)

    def warn(self, text: str) -> None:
        self.console.print(safe(f"! {text}"), style="yellow", markup=False)

    @contextmanager
    def phase(self, title: str) -> Generator[Progress]:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        pace = Pace()
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[line]}"))
        with Bar(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(title, total=None, line="")

            def progress(done: float, total: float | None = None, note: str = "") -> None:
                bar.update(task, completed=done, total=total, line=pace.line(done, total, note))

            yield progress
        passed = time.monotonic() - pace.begin
        if passed >= QUIET_SECONDS:
            self.console.print(f"[dim]{title}: {duration(passed)}[/dim]")

    def sample(self, title: str, note: str, prompt: str, text: str) -> None:
        from rich.text import Text

        line = Text(f"  {title}, {note}\n  ", style="dim")
        line.append(" ".join(safe(prompt).split()), style="bold")
        line.append(" " if prompt else "")
        line.append(" ".join(safe(text).split())[:280], style="default")
        self.console.print(line)
