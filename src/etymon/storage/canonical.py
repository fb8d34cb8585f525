"""Canonical JSON: one byte string for one value, and a digest inside it by which a flipped bit is found."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from etymon.errors import EtymonError

JsonObject = dict[str, Any]

_PREFIX = b'{"check":"'
_HEX = 64
HEAD = len(_PREFIX) + _HEX + len(b'",')
"""Bytes of a sealed object before its own text: the key, the digest, a comma."""


def canonical(value: Any, *, non_finite: bool = False) -> bytes:
    """The one UTF-8 spelling of a JSON value: keys sorted by code point, no spaces, no escapes but the needed ones.

    Floats are written in the fewest digits that read back equal. NumPy scalars count as the numbers they hold.
    Raises EtymonError for what JSON cannot hold: keys that are not text, NaN and infinities (with `non_finite` they
    become null), lone surrogates, objects.
    """
    return json.dumps(
        _plain(value, "value", non_finite), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def _plain(value: Any, where: str, non_finite: bool) -> Any:
    """The value as JSON's own types; `where` names the part that is at fault."""
    if isinstance(value, np.generic):
        return _plain(cast("Any", value).item(), where, non_finite)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        if non_finite:
            return None
        raise _unfit(where, f"{value} is not a finite number")
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return [_plain(item, f"{where}[{index}]", non_finite) for index, item in enumerate(items)]
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return {_key(key, where): _plain(item, f"{where}.{key}", non_finite) for key, item in entries.items()}
    raise _unfit(where, f"a {type(value).__name__} has no JSON form")


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise _unfit(where, f"the key {key!r} is not text")
    return _text(key, where)


def _text(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _unfit(where, f"the text holds a lone surrogate at character {error.start}") from error
    return str(text)


def _unfit(where: str, why: str) -> EtymonError:
    return EtymonError(
        "A value cannot be kept as JSON.",
        where=where,
        why=why,
        help="keep finite numbers, text, true, false, null, lists and objects with text keys",
    )


def seal(value: Mapping[str, Any]) -> bytes:
    """Canonical JSON of a non-empty object with `"check": SHA-256 of the object's own canonical bytes` put in front."""
    body = canonical(value)
    return head_of(body) + body[1:]


def head_of(body: bytes) -> bytes:
    """The first `HEAD` bytes of the sealed object whose canonical bytes are `body`."""
    return _PREFIX + hashlib.sha256(body).hexdigest().encode() + b'",'


def unseal(data: bytes) -> JsonObject:
    """The object that `seal` was given. Raises ValueError, saying what is wrong, for any other bytes."""
    if not data.startswith(_PREFIX) or data[HEAD - 2 : HEAD] != b'",':
        raise ValueError("it does not begin with its check digest")
    body = b"{" + data[HEAD:]
    if hashlib.sha256(body).hexdigest().encode() != data[len(_PREFIX) : len(_PREFIX) + _HEX]:
        raise ValueError("its check digest does not fit its text")
    return cast("JsonObject", json.loads(body))


def digest_in(data: bytes) -> bytes:
    """The SHA-256 that a sealed object names. Raises ValueError where its head is not that of one."""
    digest = bytes.fromhex(data[len(_PREFIX) : len(_PREFIX) + _HEX].decode("ascii"))
    if data[:HEAD] != _PREFIX + digest.hex().encode() + b'",':
        raise ValueError("it does not begin with its check digest")
    return digest
