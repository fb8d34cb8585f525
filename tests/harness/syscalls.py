"""Faults in the system calls of another process, injected by strace: the disk itself fails, not a hook of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.small_disk import needed_or_skip

TRACED = ("openat", "rename", "renameat", "renameat2", "fsync", "fdatasync")
_CALL = re.compile(r"(?:\d+ +)?(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)\) += (-?\d+|\?)(.*)")
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")


@dataclass(frozen=True)
class Call:
    """One system call: its name, its arguments as strace prints them, what came back, and whether we injected it."""

    name: str
    arguments: str
    result: str
    injected: bool

    @property
    def path(self) -> str:
        """The file of the descriptor that it was called with."""
        found = _DESCRIPTOR.match(self.arguments)
        return found[1].removesuffix("(deleted)") if found else ""


@dataclass(frozen=True)
class Traced:
    """How a traced command ended: exit code (negative: the signal that killed it), output, and its system calls."""

    code: int
    out: str
    err: str
    calls: list[Call]

    @property
    def injected(self) -> list[Call]:
        """The calls that were made to fail."""
        return [call for call in self.calls if call.injected]


@cache
def why_not() -> str:
    """Why strace cannot be used here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = ["strace", "-f", "--seccomp-bpf", "-e", "trace=fsync", "-o", "/dev/null", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"strace is not permitted here: {done.stderr.strip()}"


def traced(
    command: Sequence[str | Path],
    log: Path,
    *inject: str,
    paths: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
    ci: bool = False,
) -> Traced:
    """Runs a command under strace. `inject` are its words for faults: "fsync:error=EIO:when=3", "write:retval=7".

    `paths` confines tracing and faults to calls on these files and folders. `log` is where strace writes. `ci`: the
    test is marked so.
    """
    needed_or_skip(why_not(), ci=ci)
    calls = _names(inject) if paths else {*TRACED, *_names(inject)}
    words = ["strace", "-f", "-y", "-qq", "-s", "300", "-o", str(log)]
    if not any("signal=" in each for each in inject):
        words.append("--seccomp-bpf")  # much faster, but with it strace delivers no signals
    words += ["-e", f"trace={','.join(sorted(calls))}"]
    for each in inject:
        words += ["-e", f"inject={each}"]
    for path in paths:
        words += ["-P", str(path)]
    done = subprocess.run(
        [*words, *map(str, command)], capture_output=True, text=True, errors="replace", check=False, env=environment
    )
    return Traced(done.returncode, done.stdout, done.stderr, list(parsed(log.read_text(errors="replace"))))


def _names(inject: Sequence[str]) -> set[str]:
    return {name for each in inject for name in each.split(":")[0].split(",")}


def parsed(log: str) -> Iterator[Call]:
    """The finished calls of a log of strace, in order."""
    for line in log.splitlines():
        found = _CALL.fullmatch(line.strip())
        if found:
            yield Call(found[1], found[2], found[3], "(INJECTED)" in found[4])


def synced_after_failure(calls: Sequence[Call]) -> list[str]:
    """Files of which a sync failed and that were synced again, though no new file had taken the name before."""
    suspect: set[str] = set()
    again: list[str] = []
    for call in calls:
        if call.name in ("fsync", "fdatasync"):
            again += [call.path] if call.path in suspect else []
            suspect |= {call.path} if call.result == "-1" else set()
        elif call.result != "-1" and (call.name.startswith("rename") or "O_EXCL" in call.arguments):
            suspect -= {path for path in suspect if f'"{path}"' in call.arguments}
    return again
