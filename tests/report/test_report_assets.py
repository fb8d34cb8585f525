"""The page's own style and scripts: what they may never contain, and what their colours promise."""

from __future__ import annotations

import itertools
import math
import re
from importlib import resources

import pytest

from etymon.report.page import SCRIPTS, render

ASSETS = {
    entry.name: entry.read_text(encoding="utf-8")
    for entry in resources.files("etymon.report").joinpath("assets").iterdir()
}
CODE = {name: text for name, text in ASSETS.items() if name.endswith(".js")}
STYLE = ASSETS["report.css"]
# The one address in the code is a name, not a place: browsers know SVG by it and never open it.
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
FORBIDDEN = {
    "markup from text": r"innerHTML|outerHTML|AdjacentHTML|ContextualFragment|DOMParser|srcdoc|document\.write",
    "code from text": r"\beval\b|new Function|setTimeout\(\s*[\"'`]|javascript:",
    "handlers in attributes": r"\bon(?!e\b|ce\b|ly\b)[a-z]+[\"']?\s*[:=,]",
    "network": r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\(|new Image|importScripts",
    "memory beyond the page": r"localStorage|sessionStorage|indexedDB|document\.cookie",
    "inline style, which the policy refuses": r"style:|[\"']style[\"']",
}


@pytest.mark.parametrize("name", sorted(CODE))
@pytest.mark.parametrize("kind", sorted(FORBIDDEN))
def test_no_script_uses(name: str, kind: str) -> None:
    assert not re.search(FORBIDDEN[kind], CODE[name])


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_no_asset_names_another_place(name: str) -> None:
    text = ASSETS[name].replace(SVG_NAMESPACE, "")
    assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}|url\(|@import|@font-face", text)


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_every_asset_opens_by_saying_what_it_is_and_is_ascii(name: str) -> None:
    assert ASSETS[name].startswith("/* ")
    assert ASSETS[name].isascii()
    assert len(ASSETS[name].splitlines()) <= 400


def test_every_script_is_part_of_the_page() -> None:
    assert set(SCRIPTS) == set(CODE)


def test_the_scripts_stand_in_one_scope_without_a_clash_and_use_only_what_stands_before_them() -> None:
    declared: dict[str, str] = {}
    for name in SCRIPTS:
        for imported, source in re.findall(r'^import \{ ([^}]*) \} from "\./([a-z]+\.js)";$', CODE[name], re.MULTILINE):
            for one in imported.split(", "):
                assert declared.get(one) == source, f"{name} imports {one} from {source}"
        for one in re.findall(r"^(?:export )?(?:function|const|let|class) (\w+)", CODE[name], re.MULTILINE):
            assert one not in declared, f"{one} is in {name} and {declared[one]}"
            declared[one] = name
    page = render({})
    assert not re.search(r"^(import|export) ", page, re.MULTILINE)


def linear(colour: str) -> list[float]:
    """#rrggbb as linear light, each in 0..1 (IEC 61966-2-1)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, 1 to 21."""
    luminance = [sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(c), strict=True)) for c in (one, other)]
    return (max(luminance) + 0.05) / (min(luminance) + 0.05)


# How linear light looks with a kind of colour vision: Machado, Oliveira and Fernandes 2009, table 1, severity 1.0.
VISIONS = {
    "full": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def seen(colour: str, vision: str) -> tuple[float, float, float]:
    """The colour in CIE L*a*b* (D65) as that vision has it."""
    light = [sum(w * c for w, c in zip(row, linear(colour), strict=True)) for row in VISIONS[vision]]
    r, g, b = (min(1.0, max(0.0, value)) for value in light)
    x, y, z = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def palette(theme: int) -> dict[str, str]:
    """The page's colours by name, light (0) or dark (1)."""
    return {found[0]: found[1 + theme] for found in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", STYLE)}


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("vision", sorted(VISIONS))
def test_series_stay_apart_for_every_kind_of_colour_vision(theme: int, vision: str) -> None:
    colours = [palette(theme)[f"k{key}"] for key in range(6)]
    distances = [math.dist(seen(a, vision), seen(b, vision)) for a, b in itertools.combinations(colours, 2)]
    assert min(distances) >= 20


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("name", ["ink", "muted", "accent", "k0", "k1", "k2", "k3", "k4", "k5"])
def test_everything_written_can_be_read(theme: int, name: str) -> None:
    colours = palette(theme)
    assert contrast(colours[name], colours["paper"]) >= 4.5
    assert not name.startswith(("ink", "muted")) or contrast(colours[name], colours["shade"]) >= 4.5
