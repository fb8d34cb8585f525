"""Bytes on disk of what Etymon installs besides torch, package by package.

    python benchmarks/installed.py

Every file that a package's metadata lists, of Etymon's dependencies and theirs, without extras, and without torch and
what only torch asks for. Goal: 300 MB. Writes benchmarks/results/installed.json.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterator
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "installed.json"
GOAL = 300.0
ASIDE = frozenset(("torch",))
NAME = re.compile(r"[A-Za-z0-9._-]+")


def main() -> None:
    sizes = {name: size_of(name) for name in sorted(closure("etymon"))}
    total = sum(sizes.values())
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": {"python": platform.python_version(), "system": platform.system()},
        "goal, MB": GOAL,
        "together, MB": round(total / 1e6, 1),
        "packages": len(sizes),
        "MB": {name: round(size / 1e6, 1) for name, size in sorted(sizes.items(), key=lambda each: -each[1])},
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def closure(root: str) -> set[str]:
    """All that a package needs, itself left out; what is not installed here is not needed here."""
    found: set[str] = set()
    waiting = list(needs(root))
    while waiting:
        name = waiting.pop()
        if name not in found | ASIDE:
            found.add(name)
            waiting += needs(name)
    return found


def needs(name: str) -> Iterator[str]:
    """The installed packages that one asks for without extras."""
    for line in metadata.requires(name) or ():
        wanted, _, condition = line.partition(";")
        needed = re.sub(r"[-_.]+", "-", NAME.match(wanted)[0]).lower()
        if "extra" not in condition and is_installed(needed):
            yield needed


def is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def size_of(name: str) -> int:
    """Bytes of a package's own files, compiled modules that pip has made included."""
    paths = (Path(file.locate()) for file in metadata.files(name) or ())
    return sum(path.stat().st_size for path in paths if path.is_file())


def commit() -> str:
    """The revision that was measured."""
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
