"""The one error that people see: what is wrong, where, why, and what to do about it."""

from __future__ import annotations


class EtymonError(Exception):
    """A mistake or fault told in words; the command line prints it without a traceback.

    `what` is one sentence; `where` a file, line, setting or artifact; `why` the cause; `help` the command or change
    that puts it right. `exit_code` is what the process ends with (74: the disk, 75: stopped and resumable).
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", help: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.help = what, where, why, help

    def __str__(self) -> str:
        parts = (("where", self.where), ("why", self.why), ("help", self.help))
        return "\n".join([self.what, *(f"  {label}: {text}" for label, text in parts if text)])


class Interrupted(EtymonError):
    """The user or the scheduler asked to stop; the state is saved and the same command goes on."""

    exit_code = 75
