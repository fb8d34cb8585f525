"""The page: one file, safe against any text in its data, tolerant of any missing part."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.report import render, summary_sentences
from etymon.report.page import embedded_json

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "example.json").read_text(encoding="utf-8"))
OWN_CODE_LIMIT = 300_000

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
hostile_strings = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "]]></noscript><img src=x onerror=alert(1)>",
    "\u2028\u2029 & < > \" ' `",
    "a lone surrogate \udc80",
    "{policy} {0} %s $& \\1",
]


class Elements(HTMLParser):
    """Collects the elements of a page and the text of those that hold raw text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = {}
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._within = f"{tag}:{dict(attrs).get('type', '')}" if tag in ("script", "style", "title") else ""

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.raw[self._within] = self.raw.get(self._within, "") + data


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    parser.close()
    return parser


def data_of(page: str) -> Any:
    return json.loads(elements(page).raw["script:application/json"])


def test_the_example_says_that_it_is_made_up() -> None:
    assert "Made up for the tests" in EXAMPLE["note"]


def test_the_page_holds_the_data_it_was_given() -> None:
    assert data_of(render(EXAMPLE)) == {**EXAMPLE, "summary": summary_sentences(EXAMPLE)}


@given(st.dictionaries(st.text(), json_values, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_data_comes_back_out_of_the_page_and_changes_nothing_around_it(data: dict[str, Any]) -> None:
    page = render(data)
    assert page.isascii()
    held = data_of(page)
    assert {name: value for name, value in held.items() if name != "summary"} == {
        name: value for name, value in data.items() if name != "summary"
    }
    assert [tag for tag, _ in elements(page).found].count("script") == 2


@given(json_values)
@settings(max_examples=60, deadline=None)
def test_embedded_json_has_no_character_that_could_begin_a_tag(value: Any) -> None:
    text = embedded_json({"value": value})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"value": value}


@pytest.mark.parametrize("hostile", hostile_strings)
@pytest.mark.parametrize("place", ["title", "run", "summary", "family"])
def test_hostile_text_stays_text(hostile: str, place: str) -> None:
    data: dict[str, Any] = {"title": "t", "models": [{"family": "gpt", "bits_per_byte": {"mean": 1.0}}]}
    if place == "family":
        data["models"][0]["family"] = hostile
    else:
        data[place] = [hostile] if place == "summary" else hostile
    found = [tag for tag, _ in elements(render(data)).found]
    plain = [tag for tag, _ in elements(render({"title": "t", "models": data["models"], "summary": ["s"]})).found]
    assert found.count("script") == 2
    assert "img" not in found
    assert set(found) <= set(plain)


def test_numbers_that_json_lacks_read_as_not_measured() -> None:
    data = {"models": [{"family": "gpt", "bits_per_byte": {"mean": math.nan, "low": -math.inf, "high": math.inf}}]}
    assert data_of(render(data))["models"][0]["bits_per_byte"] == {"mean": None, "low": None, "high": None}


def test_a_value_that_is_no_json_is_named_with_its_place() -> None:
    with pytest.raises(EtymonError, match=r"data\.models\[0\]\.id") as caught:
        render({"models": [{"id": b"bytes"}]})
    assert "bytes" in caught.value.why


def test_the_same_data_give_the_same_page() -> None:
    assert render(EXAMPLE) == render(json.loads(json.dumps(EXAMPLE)))


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for tag, attributes in elements(render(EXAMPLE)).found:
        assert "src" not in attributes
        assert attributes.get("href", "data:,") == "data:,", tag


def test_the_policy_allows_this_style_and_this_script_and_nothing_else() -> None:
    parser = elements(render(EXAMPLE))
    policy = next(about["content"] for _, about in parser.found if about.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for kind, raw in (("script", parser.raw["script:module"]), ("style", parser.raw["style:"])):
        digest = base64.b64encode(hashlib.sha256(raw.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_our_own_code_is_small() -> None:
    assert len(render({})) < OWN_CODE_LIMIT


def test_the_findings_can_be_read_where_scripts_do_not_run() -> None:
    unscripted = re.search(r"<noscript>(.*?)</noscript>", render(EXAMPLE), re.DOTALL)
    assert unscripted is not None
    assert summary_sentences(EXAMPLE)[0] in unscripted[1]
    assert "1.600 to 1.640" in unscripted[1]


def test_a_summary_in_the_data_is_used_as_it_stands() -> None:
    assert data_of(render({**EXAMPLE, "summary": ["One sentence."]}))["summary"] == ["One sentence."]


@pytest.mark.parametrize("name", sorted(EXAMPLE))
@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [None, 3, "x", {}], {"in": None}])
def test_no_part_of_the_data_is_needed_in_any_form(name: str, value: Any) -> None:
    held = data_of(render({**EXAMPLE, name: value}))
    assert held["summary"]
    assert name == "summary" or held[name] == value
