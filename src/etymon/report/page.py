"""Renders report data as one HTML page that holds its own style, script and data, and asks nothing of the network."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import math
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, cast

from etymon.errors import EtymonError
from etymon.report.reading import JsonObject, strings, text
from etymon.report.sentences import summary_sentences
from etymon.report.terminal import terminal_table

# In the order in which they may use each other; together they are one module.
SCRIPTS = (
    "numbers.js",
    "dom.js",
    "marks.js",
    "lineage.js",
    "frame.js",
    "findings.js",
    "generations.js",
    "account.js",
    "balance.js",
    "report.js",
)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<noscript><div class="page">
{fallback}
</div></noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def render(data: JsonObject) -> str:
    """The whole page as ASCII text, so that no mail program can break it by guessing an encoding.

    `data` follows the report schema; absent sections are left out and unknown keys ignored. Where `data` brings no
    "summary", the page opens with `summary_sentences(data)`. Numbers that are not finite read as "not measured".
    Raises EtymonError for a value that JSON cannot hold, naming its place.
    """
    told = {**data, "summary": strings(data, "summary") or summary_sentences(data)}
    style, script = _style(), _script()
    return PAGE.format(
        policy=_policy(style, script),
        title=_escaped(text(data, "title") or "Etymon report"),
        style=style,
        fallback=_fallback(told),
        data=embedded_json(told),
        script=script,
    )


def embedded_json(data: JsonObject) -> str:
    """JSON that is safe inside a script element: ASCII, with <, > and & as escapes, so that no tag can begin in it."""
    plain = json.dumps(_finite(data, "data"), allow_nan=False, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: Any, place: str) -> Any:
    """The value with numbers that JSON lacks (nan, inf) as null."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        members = cast(Mapping[Any, Any], value)
        return {str(key): _finite(member, f"{place}.{key}") for key, member in members.items()}
    if isinstance(value, list | tuple):
        return [_finite(member, f"{place}[{index}]") for index, member in enumerate(cast(list[Any], value))]
    raise EtymonError(
        "The report data holds a value that JSON cannot express.",
        where=place,
        why=f"it is of type {type(value).__name__}",
        help="give plain numbers, strings, lists and dictionaries to render()",
    )


@functools.cache
def _asset(name: str) -> str:
    return resources.files("etymon.report").joinpath("assets", name).read_text(encoding="utf-8")


@functools.cache
def _style() -> str:
    return _asset("report.css")


@functools.cache
def _script() -> str:
    """The modules as one: their imports of each other are resolved by standing in one scope."""
    joined = "\n".join(_asset(name) for name in SCRIPTS)
    without_imports = re.sub(r'^import [^;]*? from "\./[a-z]+\.js";\n', "", joined, flags=re.MULTILINE)
    return re.sub(r"^export (?=(?:async )?function |const |class )", "", without_imports, flags=re.MULTILINE)


def _policy(style: str, script: str) -> str:
    """Only this style and this script may act: everything else, every connection included, is refused."""
    sources = "; ".join(f"{kind}-src 'sha256-{_digest(code)}'" for kind, code in (("script", script), ("style", style)))
    return f"default-src 'none'; {sources}; img-src data:; base-uri 'none'; form-action 'none'"


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode("utf-8")).digest()).decode("ascii")


def _fallback(data: JsonObject) -> str:
    """What a reader sees where scripts do not run, as in the preview of a mail program: findings and table."""
    parts = [f"<h1>{_escaped(text(data, 'title') or 'Etymon report')}</h1>"]
    for index, sentence in enumerate(strings(data, "summary")):
        opening = "<p>" if index else '<p class="lead">'
        parts.append(f"{opening}{_escaped(sentence)}</p>")
    table = terminal_table(data)
    if table:
        parts.append(f"<pre>{_escaped(table)}</pre>")
    parts.append("<p>Open this file in a browser with JavaScript to see the pictures.</p>")
    return "\n".join(parts)


def _escaped(value: str) -> str:
    return html.escape(value).encode("ascii", "xmlcharrefreplace").decode("ascii")
