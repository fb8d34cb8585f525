"""A command line run in this process or in its own, and what it needs: text, and a look at a store's bytes."""

from __future__ import annotations

import hashlib
import io
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from etymon.cli import main

SENTENCE = "the small model reads a text and counts what follows each word so that it may write on from there"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@dataclass(frozen=True)
class Said:
    """What a command ended with and what it printed."""

    code: int
    out: str
    err: str


@contextmanager
def own_signals() -> Iterator[None]:
    """A run takes the signals for itself; the test session gets them back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def etymon(*words: str | Path) -> Said:
    """One command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with own_signals(), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def paragraphs(count: int, seed: int) -> str:
    """So many different paragraphs of about 200 bytes."""
    draw = random.Random(seed)
    return "\n\n".join(
        f"{' '.join(draw.choices(SENTENCE.split(), k=40))} ({seed}.{number})." for number in range(count)
    )


def digests(store: Path) -> dict[str, str]:
    """Every file of every artifact with the SHA-256 of its bytes."""
    files = sorted(path for path in (store / "artifacts").rglob("*") if path.is_file())
    return {str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
