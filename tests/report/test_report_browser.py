"""The page in a real browser: it opens, stays silent, asks nothing of the network, and can be used by everyone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless_chromium import Page, chromium

from etymon.report import numbers, render

pytestmark = pytest.mark.ci

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "example.json").read_text(encoding="utf-8"))
SECTIONS = {
    *(
        "facts",
        "comparison",
        "differences",
        "generations",
        "curves",
        "samples",
        "sources",
        "corpus",
        "domains",
        "balance",
    ),
    *("sparsity", "context", "sizes", "time", "skipped", "keeping", "events", "lineage", "recipe", "protocols"),
}
PICTURES = 17

MARKUP = (
    *("<script>{0}</script>", "</script><script>{0}</script>", "<img src=x onerror={0}>", "<svg onload={0}>"),
    *("<svg><script>{0}</script></svg>", "<body onload={0}>", "<iframe srcdoc='<script>{0}</script>'>"),
    *("<iframe src=javascript:{0}>", "<a href=javascript:{0}>x</a>", "<input autofocus onfocus={0}>"),
    *("<details open ontoggle={0}>", "<video><source onerror={0}>", "<audio src=x onerror={0}>"),
    *("<object data=javascript:{0}>", "<embed src=javascript:{0}>", "<marquee onstart={0}>"),
    *("<meta http-equiv=refresh content='0;url=javascript:{0}'>", "<base href=javascript:{0}//>"),
    *("<link rel=stylesheet href=javascript:{0}>", "<style>@import 'javascript:{0}'</style>"),
    *("<div style=background:url(javascript:{0})>", "<math><mi xlink:href=javascript:{0}>x</mi></math>"),
    *("<form action=javascript:{0}><button>x", "<isindex action=javascript:{0}>", "<template><script>{0}</script>"),
    *("<!--><script>{0}</script>-->", "<![CDATA[><script>{0}</script>]]>", "<noscript><p title='</noscript>{0}'>"),
    *("</noscript><img src=x onerror={0}>", "</title><script>{0}</script>", "</style><script>{0}</script>"),
    *("</textarea><script>{0}</script>", "<scr<script>ipt>{0}</scr</script>ipt>", "<SCRIPT>{0}</SCRIPT>"),
    *("<script\x0c>{0}</script>", "<script/x>{0}</script>", "\u2028{0}\u2029", "\ufeff<script>{0}</script>"),
    *("&lt;script&gt;{0}&lt;/script&gt;", "\\u003cscript\\u003e{0}\\u003c/script\\u003e", "javascript:{0}"),
    *("data:text/html,<script>{0}</script>", "'-{0}-'", '"-{0}-"', "`-${{{0}}}-`", "');{0}//", '");{0}//'),
    *("*/{0}/*", "</pre><script>{0}</script>", "__proto__"),
)
PAYLOADS = [template.format("window.pwned=1") for template in MARKUP]


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return written(tmp_path, EXAMPLE)


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "report.html"
    path.write_text(render(data), encoding="ascii")
    return path


def asked_of_others(page: Page, path: Path) -> list[str]:
    return [url for url in page.requests if url != path.as_uri()]


def overflow(page: Page) -> int:
    return page.run("document.documentElement.scrollWidth - innerWidth")


def test_the_page_opens_without_an_error_and_without_a_request(browser: Page, example: Path) -> None:
    browser.open(example)
    assert browser.errors == []
    assert asked_of_others(browser, example) == []
    assert set(browser.run("[...document.querySelectorAll('section')].map((s) => s.id)")) == SECTIONS
    assert browser.run("document.querySelectorAll('.stage svg').length") == PICTURES
    assert browser.run("document.querySelector('.lead').textContent").startswith("On 214 held-out documents the GPT")


def test_a_pseudo_likelihood_is_named_in_the_table_and_in_no_picture_of_probabilities(
    browser: Page, tmp_path: Path
) -> None:
    score = {"mean": 0.9, "low": 0.8, "high": 1.0, "n": 5}
    points = [{"step": step, "tokens": 10 * step, "seconds": step, "bits_per_byte": 2 / step} for step in (1, 2, 3)]
    data = {
        "models": [
            {"family": "gpt", "title": "GPT-2", "parameters": 9, "flops": 10, "bits_per_byte": {**score, "mean": 2.0}},
            {
                "family": "llama",
                "title": "Llama",
                "parameters": 8,
                "flops": 11,
                "bits_per_byte": {**score, "mean": 3.0},
            },
            {"family": "bert", "title": "BERT", "parameters": 9, "flops": 10, "bits_per_byte": score}
            | {"measure": "pseudo-likelihood"},
        ],
        "curves": [{"family": family, "points": points} for family in ("gpt", "bert")],
    }
    browser.open(written(tmp_path, data))
    drawn = browser.run("[...document.querySelectorAll('figure, .stage')].map((each) => each.textContent).join()")
    assert "GPT-2" in drawn and "BERT" not in drawn
    table = browser.run("document.querySelector('#comparison table.cards').textContent")
    assert "BERT" in table and "pseudo-likelihood" in table
    assert browser.run("document.querySelector('#comparison').textContent").count("Lowest: GPT-2") == 2


def test_many_pairs_are_told_of_the_best_model_and_listed_whole(browser: Page, tmp_path: Path) -> None:
    names = ["a", "b", "c", "d", "e"]
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    data = {
        "models": [{"family": name, "title": name.upper(), "best": name == "c"} for name in names],
        "differences": [{"a": a, "b": b, "mean": -0.5, "low": -0.6, "high": -0.4, "n": 9} for a, b in pairs],
    }
    browser.open(written(tmp_path, data))
    told = browser.run("[...document.querySelectorAll('#differences li')].map((each) => each.textContent)")
    assert len(told) == 4 and all(" C " in sentence for sentence in told)
    browser.run("document.querySelector('#differences .toggle').click()")
    assert browser.run("document.querySelectorAll('#differences tbody tr').length") == 10


def test_nothing_moves_while_the_page_is_laid_out(browser: Page, example: Path) -> None:
    browser.open(example)
    shifts = browser.run(
        "new Promise((done) => { let sum = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => "
        "{ sum += e.value; })).observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 300); })"
    )
    assert shifts == 0


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_follows_the_system_and_the_button_and_remembers_nothing(
    browser: Page, example: Path, dark: bool
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light_and_dark = ["rgb(253, 252, 249)", "rgb(23, 24, 27)"]
    browser.open(example, dark=dark)
    assert browser.run(ground) == light_and_dark[dark]
    browser.run("document.querySelector('#theme').click()")
    assert browser.run(ground) == light_and_dark[not dark]
    assert browser.run("document.querySelector('#theme').textContent") == ["Light page", "Dark page"][dark]
    browser.open(example, dark=dark)
    assert browser.run(ground) == light_and_dark[dark]


def test_every_picture_turns_into_its_table_and_back(browser: Page, example: Path) -> None:
    browser.open(example)
    assert browser.run("document.querySelectorAll('.toggle').length") == PICTURES + 2
    shown = "[...document.querySelectorAll('.tabled')].map((t) => t.hidden ? 0 : t.querySelectorAll('tbody tr').length)"
    assert set(browser.run(shown)) == {0}
    browser.run("document.querySelectorAll('.toggle').forEach((button) => button.click())")
    assert min(browser.run(shown)) > 0
    assert browser.run("[...document.querySelectorAll('.stage')].every((stage) => !stage.checkVisibility())")
    browser.run("document.querySelectorAll('.toggle').forEach((button) => button.click())")
    assert set(browser.run(shown)) == {0}
    assert browser.errors == []


def test_every_picture_says_its_finding_and_reads_out_each_point_by_keyboard(browser: Page, example: Path) -> None:
    browser.open(example)
    for index in range(PICTURES):
        stage = f"document.querySelectorAll('.stage')[{index}]"
        assert len(browser.run(f"{stage}.getAttribute('aria-label')")) > 30
        browser.run(f"{stage}.focus()")
        read = []
        for key in ("Home", "ArrowRight", "ArrowDown", "End"):
            browser.press(key)
            read.append(browser.run(f"{stage}.parentElement.querySelector('.reading').textContent"))
        assert all(read), index
        assert read[0] != read[1] or read[0] != read[2], index
        browser.press("Escape")
        assert browser.run(f"{stage}.parentElement.querySelector('.reading').textContent") == ""


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(browser: Page, example: Path) -> None:
    browser.open(example)
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Skip to the findings"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    stops = ["skip"]
    for _ in range(120):
        browser.press("Tab")
        stop = browser.run("(({ tagName, className, id }) => `${tagName} ${className} ${id}`)(document.activeElement)")
        if stop.startswith("BODY"):
            break
        stops.append(stop)
    assert sum("stage" in stop for stop in stops) == PICTURES
    assert sum("toggle" in stop for stop in stops) == PICTURES + 2
    assert sum("traced" in stop for stop in stops) == 1
    assert any("theme" in stop for stop in stops)
    assert any("search" in stop for stop in stops)


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_reaches_over_the_edge_as_picture_or_as_table(browser: Page, example: Path, width: int) -> None:
    browser.open(example, width=width)
    assert overflow(browser) == 0
    browser.run("document.querySelectorAll('.toggle').forEach((button) => button.click())")
    browser.run("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert overflow(browser) == 0
    assert browser.errors == []


def test_pictures_are_drawn_again_when_the_window_changes(browser: Page, example: Path) -> None:
    browser.open(example, width=1280)
    wide = browser.run("document.querySelector('.stage svg').viewBox.baseVal.width")
    browser.call("Emulation.setDeviceMetricsOverride", width=500, height=800, deviceScaleFactor=1, mobile=False)
    browser.run("new Promise((done) => setTimeout(done, 200))")
    narrow = browser.run("document.querySelector('.stage svg').viewBox.baseVal.width")
    assert narrow < 500 < wide
    assert overflow(browser) == 0


def test_learning_curves_can_be_read_against_tokens_and_time(browser: Page, example: Path) -> None:
    browser.open(example)
    axis = "document.querySelector('#curves svg .name').textContent"
    named = []
    for index in range(2):
        browser.run(f"document.querySelectorAll('#curves input')[{index}].click()")
        named.append(browser.run(axis))
    assert named == ["training tokens (log axis)", "seconds of training"]


def test_samples_follow_the_slider(browser: Page, example: Path) -> None:
    browser.open(example)
    text = "document.querySelector('#samples .sample .writing').textContent"
    late = browser.run(text)
    browser.run("document.querySelector('#samples input[type=range]').focus()")
    browser.press("Home")
    early = browser.run(text)
    assert early != late
    assert early.startswith(EXAMPLE["samples"][0]["prompt"]) and late.startswith(EXAMPLE["samples"][0]["prompt"])


def test_a_passage_shows_its_document_and_spans_count_characters_as_python_does(browser: Page, tmp_path: Path) -> None:
    text = "\U0001f600 a \u00e9tymon \U0001f3db of words"
    words = "\u00e9tymon \U0001f3db"
    start = text.index(words)
    document = {"id": "d1", "url": "https://example.test/page", "source": {"file": "crawl.warc", "offset": 12345}}
    other = {**document, "id": "d2"}
    decision = {"outcome": "kept", "rule": "all"}
    spans = [
        {"start": start, "end": start + len(words), "document": document, "decision": decision},
        {"start": len(text) - 5, "end": len(text), "document": other, "decision": decision},
    ]
    path = written(tmp_path, {"sources": {"family": "gpt", "text": text, "spans": spans}})
    browser.open(path)
    traced = "[...document.querySelectorAll('.traced')].map((span) => span.textContent)"
    assert browser.run(traced) == [words, "words"]
    assert browser.run("document.querySelector('.traced-text').textContent") == text
    assert "crawl.warc, from byte 12,345" in browser.run("document.querySelector('.panel').textContent")
    browser.run("document.querySelector('.traced').focus()")
    browser.press("ArrowRight")
    assert "d2" in browser.run("document.querySelector('.panel').textContent")


def test_the_recipe_can_be_searched(browser: Page, example: Path) -> None:
    browser.open(example)
    browser.run(
        "(() => { const box = document.querySelector('#recipe input[type=search]'); box.value = 'WARMUP'; "
        "box.dispatchEvent(new Event('input')); })()"
    )
    keys = (
        "[...document.querySelectorAll('#recipe tbody tr')].filter((r) => !r.hidden).map((r) => r.cells[0].textContent)"
    )
    assert [key[: len("training.warmup")] for key in browser.run(keys)] == ["training.warmup"]
    assert browser.run("document.querySelector('#recipe output').textContent").startswith("1 of 20")


def test_a_funnel_that_does_not_add_up_says_so(browser: Page, tmp_path: Path) -> None:
    browser.open(written(tmp_path, {"corpus": {"documents": {"in": 10, "kept": 7, "dropped": {"short": 1}}}}))
    assert "2 documents are in none of these" in browser.run("document.querySelector('.warning').textContent")


def test_print_is_light_and_folds_nothing_away(browser: Page, example: Path) -> None:
    browser.open(example, dark=True)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("[...document.querySelectorAll('details')].every((fold) => fold.open)")
    assert not browser.run("document.querySelector('.toggle').checkVisibility()")
    browser.call("Emulation.setEmulatedMedia", media="")


def poisoned(value: Any, payload: str) -> Any:
    """The data with a payload for every text and every name that is data."""
    if isinstance(value, str):
        return payload
    if isinstance(value, list):
        return [poisoned(member, payload) for member in value]
    if isinstance(value, dict):
        counts = value and all(isinstance(member, int) for member in value.values()) and "in" not in value
        return {
            f"{payload}{index}" if counts else name: poisoned(member, payload)
            for index, (name, member) in enumerate(value.items())
        }
    return value


def test_there_are_fifty_payloads() -> None:
    assert len(set(PAYLOADS)) >= 50


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_shown_and_never_acts(browser: Page, tmp_path: Path, payload: str) -> None:
    path = written(tmp_path, poisoned(EXAMPLE, payload))
    browser.open(path)
    browser.run("document.querySelectorAll('.toggle').forEach((button) => button.click())")
    assert browser.run("window.pwned") is None
    assert browser.errors == []
    assert asked_of_others(browser, path) == []
    strangers = "iframe, img, object, embed, form, base, video, audio, marquee, math, template, body *[style]"
    assert browser.run(f"document.querySelectorAll('{strangers}').length") == 0
    assert browser.run("document.querySelectorAll('script').length") == 2
    handlers = "[...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => /^on/.test(n))"
    assert browser.run(handlers) == []
    assert browser.run("document.querySelector('h1').textContent") == payload


@pytest.mark.parametrize("name", sorted(EXAMPLE))
def test_a_missing_part_is_left_out(browser: Page, tmp_path: Path, name: str) -> None:
    browser.open(written(tmp_path, {key: value for key, value in EXAMPLE.items() if key != name}))
    assert browser.errors == []
    assert browser.run("document.querySelectorAll('section').length") >= len(SECTIONS) - 2


def test_a_page_without_any_data_still_opens(browser: Page, tmp_path: Path) -> None:
    browser.open(written(tmp_path, {}))
    assert browser.errors == []
    assert browser.run("document.querySelector('h1').textContent") == "Etymon report"


JUNK = (None, True, 0, -1, 0.5, 1e308, -1e-300, "", "text", "7", [], {}, [None], [[]], {"x": None}, [{}])


def mangle(value: Any, rng: random.Random, chance: float) -> Any:
    """The data with about one node in 1/chance replaced by something of another kind."""
    if rng.random() < chance:
        return rng.choice(JUNK)
    if isinstance(value, list):
        return [mangle(member, rng, chance) for member in value]
    if isinstance(value, dict):
        return {name: mangle(member, rng, chance) for name, member in value.items()}
    return value


@pytest.mark.parametrize("seed", range(40))
def test_malformed_data_never_break_the_page(browser: Page, tmp_path: Path, seed: int) -> None:
    data = {name: mangle(part, random.Random(f"{seed} {name}"), 0.03) for name, part in EXAMPLE.items()}
    browser.open(written(tmp_path, data), width=(360, 1280)[seed % 2])
    browser.run("document.querySelectorAll('.toggle, .choices input').forEach((control) => control.click())")
    assert browser.errors == []
    assert overflow(browser) == 0
    assert browser.run("document.querySelectorAll('section').length") > 5


def test_the_page_and_the_terminal_write_numbers_alike(browser: Page, tmp_path: Path) -> None:
    source = Path(render.__code__.co_filename).parent / "assets" / "numbers.js"
    code = source.read_text(encoding="utf-8").replace("export ", "")
    rng = random.Random(5)
    values = [rng.choice((-1, 1)) * 10 ** rng.uniform(-3, 12) for _ in range(300)] + [0, 1, 999.4, 999.5, 59.96]
    large = [10 ** rng.uniform(12, 28) for _ in range(100)]
    browser.open(written(tmp_path, {}))
    shown = browser.run(
        f"(() => {{ {code}; const plain = (texts) => texts.map((text) => text.replaceAll('\\u00a0', ' ')); return ["
        f"...{json.dumps(values)}.map((v) => plain([prefixed(v), work(v), count(v), duration(v), fixed(v, 2)])), "
        f"...{json.dumps(large)}.map((v) => plain([prefixed(v), work(v)]))]; }})()"
    )
    for value, texts in zip([*values, *large], shown, strict=True):
        told = [numbers.prefixed(value), numbers.work(value)]
        if abs(value) < 1e12:
            told += [numbers.count(value), numbers.duration(value), numbers.fixed(value, 2)]
        assert texts == told
