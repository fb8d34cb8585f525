"""Words of the command line that may be a path or a setting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_SETTING = re.compile(r"[a-z_][a-z0-9_.]*=", re.IGNORECASE)


def split_settings(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Paths, and `key=value` settings. A file whose name looks like a setting is still a file."""
    settings = [word for word in words if _SETTING.match(word) and not Path(word).exists()]
    return [word for word in words if word not in settings], settings
