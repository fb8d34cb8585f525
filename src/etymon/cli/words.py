"""Words of the command line that may be a path or a setting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from etymon.errors import EtymonError

_SETTING = re.compile(r"[a-z_][a-z0-9_.]*=", re.IGNORECASE)


def split_settings(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Paths, and `key=value` settings. A file whose name looks like a setting is still a file."""
    settings = [word for word in words if _SETTING.match(word) and not Path(word).exists()]
    return [word for word in words if word not in settings], settings


def split_prompt(words: Sequence[str]) -> tuple[str, list[str]]:
    """The prompt, one word at most, and the settings of the sampling. "x=" is no setting and may be a prompt."""
    from etymon.generation import Sampling
    from etymon.recipe import keys

    known = keys(Sampling)
    settings = [word for word in words if _SETTING.match(word) and get_close_matches(word.split("=")[0], known)]
    prompts = [word for word in words if word not in settings]
    if len(prompts) > 1:
        raise EtymonError(
            f"{len(prompts)} prompts are given: {', '.join(map(repr, prompts))}",
            where="command line",
            help="put a prompt of several words in quotes",
        )
    return "".join(prompts), settings
