"""`Narrator`: what a run tells while it works; the command line draws it, a library call may stay silent."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from etymon.progress import Progress, silent


class Narrator(Protocol):
    """The few things that a run says, each at once and in words."""

    def say(self, text: str) -> None:
        """One sentence about what happens."""
        ...

    def warn(self, text: str) -> None:
        """One sentence about something that is not as it should be."""
        ...

    def phase(self, title: str) -> AbstractContextManager[Progress]:
        """A stretch of work with a progress bar and the time that remains."""
        ...

    def sample(self, title: str, note: str, prompt: str, text: str) -> None:
        """What a model writes after `prompt` at this point of its learning."""
        ...


class Silent:
    """A narrator for library calls and tests."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def phase(self, title: str) -> Generator[Progress]:
        """Progress that nobody watches."""
        yield silent

    def sample(self, title: str, note: str, prompt: str, text: str) -> None:
        """Show nothing."""
