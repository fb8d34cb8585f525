"""Recipes and edits: the published numbers, the published order, and one message for each mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.corpus.edits import EDITS, edit, edit_and_measure
from etymon.corpus.recipes import Recipe, parse_recipe, recipe, recipes
from etymon.corpus.rules import OPERATIONS, Rule, all_reasons, decide
from etymon.errors import EtymonError

LINES = (
    "A line of some words that ends.", "no end here with words", "two words.", "Please enable JavaScript to go on now.",
    "Read our Privacy Policy before you go.", "A claim[12] with a source[citation needed].", "x" * 1001 + " a b.",
    "SHOUTING ALL THE TIME", "12345", "3,000 likes", "Read more...", "More news Read more...",
    "Sign-in here", "2 items in cart",
    "Sentence one. Two! Three? Four. Five.", "{ code }", "Trailing off...", "word", "  indented words in a line.  ", "",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(LINES), max_size=12).map("\n".join)
NUMBERS = {
    "gopher": {
        "repeated paragraphs": "> 0.3", "characters in repeated paragraphs": "> 0.2", "repeated lines": "> 0.3",
        "characters in repeated lines": "> 0.2", "one 2-gram too often": "> 0.2", "one 3-gram too often": "> 0.18",
        "one 4-gram too often": "> 0.16", "repeated 5-grams": "> 0.15", "repeated 6-grams": "> 0.14",
        "repeated 7-grams": "> 0.13", "repeated 8-grams": "> 0.12", "repeated 9-grams": "> 0.11",
        "repeated 10-grams": "> 0.1", "too few words": "< 50", "too many words": "> 100000", "short words": "< 3",
        "long words": "> 10", "number signs": "> 0.1", "ellipses": "> 0.1", "bullet points": "> 0.9",
        "lines ending in ellipses": "> 0.3", "few words with letters": "< 0.8", "few stop words": "< 2",
    },
    "c4": {"lorem ipsum": ">= 1", "curly bracket": ">= 1", "too few sentences": "< 5", "bad words": ">= 1"},
}  # fmt: skip
NUMBERS["fineweb"] = NUMBERS["gopher"] | {
    "lorem ipsum": ">= 1", "curly bracket": ">= 1", "too few sentences": "< 5", "no lines": "< 1",
    "few lines with an end": "< 0.12", "short lines": "> 0.67", "characters in lines said twice": "> 0.01",
    "a list": "> 0.3",
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_a_published_recipe_has_the_published_numbers_in_the_published_order(name: str) -> None:
    assert {rule.name: f"{rule.op} {rule.threshold:g}" for rule in recipe(name).rules} == NUMBERS[name]
    assert [rule.name for rule in recipe(name).rules] == list(NUMBERS[name])


@pytest.mark.parametrize("name", recipes())
def test_every_rule_says_where_its_number_is_from(name: str) -> None:
    assert recipe(name).source or name == "text"
    for rule in recipe(name).rules:
        assert rule.source and rule.op in OPERATIONS


@settings(deadline=None, max_examples=30)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(recipes()), st.randoms())
def test_a_rule_more_never_brings_a_document_back(texts: list[str], name: str, random) -> None:
    chosen = recipe(name)
    columns = edit_and_measure(texts, chosen.columns, chosen.edits).columns
    fewer = [rule for rule in chosen.rules if random.random() < 0.5]
    before, after = (decide(columns, rules, len(texts)) for rules in (fewer, chosen.rules))
    assert all(now is not None for was, now in zip(before, after, strict=True) if was is not None)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.lists(st.floats(0, 1), max_size=4))
def test_the_first_of_all_rules_that_hold_decides(values: list[float], thresholds: list[float]) -> None:
    rules = [Rule(str(n), "x", ">", threshold, "a test") for n, threshold in enumerate(thresholds)]
    holds = all_reasons({"x": values}, rules, len(values))
    assert holds.tolist() == [[value > threshold for threshold in thresholds] for value in values]
    first = [next((str(n) for n, held in enumerate(row) if held), None) for row in holds.tolist()]
    assert decide({"x": values}, rules, len(values)) == first


def c4_in_one_go(text: str, *, terminal: bool) -> str:
    """C4's line edits as its code makes them, all in one sweep."""
    kept: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        words = line.split()
        if any(len(word) > 1000 for word in words):
            continue
        line = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line)
        if terminal and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
            continue
        lower = line.lower()
        policy = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
        if len(words) < 3 or "javascript" in lower or any(phrase in lower for phrase in policy):
            continue
        kept.append(line)
    return "\n".join(kept).strip()


@given(TEXTS)
def test_edits_one_after_the_other_leave_what_c4_leaves_in_one_sweep(text: str) -> None:
    assert edit(text, recipe("c4").edits).text == c4_in_one_go(text, terminal=True)
    assert edit(text, recipe("fineweb").edits).text == c4_in_one_go(text, terminal=False)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.sampled_from(["c4", "fineweb", "dclm", "web"]))
@settings(deadline=None, max_examples=30)
def test_editing_a_batch_is_editing_its_texts_and_columns_are_those_of_the_text_at_their_place(
    texts: list[str], name: str
) -> None:
    chosen = recipe(name)
    worked = edit_and_measure(texts, chosen.columns, chosen.edits)
    for place, text in enumerate(texts):
        assert worked.texts[place] == edit(text, chosen.edits).text
        assert worked.removed[place] == edit(text, chosen.edits).removed
        for column in chosen.columns:
            plain, _, after = column.partition("@")
            if after and plain != "lost_words":
                so_far = edit(text, chosen.edits[: chosen.edits.index(after) + 1]).text
                alone = edit_and_measure([so_far], [plain], []).columns[plain][0]
                assert worked.columns[column][place] == alone


def test_what_each_edit_takes_is_told_by_name() -> None:
    found = edit("One two three four.\nTurn JavaScript on, please.\nSay it again[3], please.", recipe("c4").edits)
    assert found.text == "One two three four.\nSay it again, please."
    assert found.removed == {"citations": 3, "javascript": 28}


def test_lines_of_buttons_and_counters_go_and_the_words_lost_are_measured() -> None:
    text = "\n".join(
        ["A plain line of eight words, it says.", "BUY NOW", "12345", "3,000 likes", "word", "Sign-in here"]
    )
    worked = edit_and_measure([text], recipe("dclm").columns, recipe("dclm").edits)
    assert worked.texts == ["A plain line of eight words, it says.\nhere"]
    assert worked.columns["lost_words@sign-in|newlines"][0] == pytest.approx(7 / 16)


def test_without_edits_a_text_stays_as_it_is() -> None:
    assert edit("a\r\nb  \n", ()).text == "a\r\nb  \n"
    assert edit_and_measure([], ["words"], []).texts == []


RULE = '[[rule]]\nname = "a"\ncolumn = "words"\nop = "<"\nthreshold = 5\nsource = "mine"\n'


def test_a_users_own_recipe_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('edits = ["javascript"]\n' + RULE + 'after = "javascript"\n', "utf-8")
    expected = Rule("a", "words@javascript", "<", 5.0, "mine")
    assert recipe(str(path)) == Recipe("mine", "", (expected,), ("javascript",))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (RULE.replace("words", "wrods"), 3, "did you mean words"),
        (RULE.replace('"<"', '"=<"'), 4, "there is no operation =<"),
        (RULE.replace("words", "stop_words").replace("5", "9"), 5, "threshold 9 can never be met"),
        (RULE.replace("= 5", "= -1"), 5, "threshold -1 can never be met"),
        (RULE.replace('source = "mine"\n', ""), 1, "has no source"),
        (RULE.replace("= 5", '= "5"'), 1, "has no threshold"),
        (RULE + 'after = "javascript"\n', 7, "there is no edit of this recipe javascript"),
        ('edits = ["javascrip"]\n' + RULE, 1, "did you mean javascript"),
        (RULE + "\n" + RULE, 8, "two rules are named a"),
        (RULE + "treshold = 3\n", 7, "did you mean threshold"),
        ("lnguages = ['en']\n" + RULE, 1, "did you mean languages"),
        ("language_score = 2\n" + RULE, 1, "language_score 2 is no share"),
        (RULE.replace("words", "lost_words").replace("5", "0.5"), 1, "lost_words goes with after and since"),
        ('[defaults]\nnear_duplicates = "fuzzy"\n' + RULE, 2, "it is one of off, default, fineweb"),
        ('[defaults]\nnear_duplicate = "off"\n' + RULE, 2, "did you mean near_duplicates"),
        ("defaults = 3\n" + RULE, 1, "defaults is no table"),
        ('extractor = "foo"\n' + RULE, 1, "there is no extractor foo"),
        (RULE + 'setting = "minimum_byte"\n', 7, "did you mean minimum_bytes"),
        ("rule = 3\n", 1, "a rule is a table"),
    ],
)
def test_a_mistake_in_a_recipe_is_told_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(EtymonError, match=f"mine.toml, line {line}\\b") as caught:
        parse_recipe(text, "mine", "mine.toml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [("finweb", "did you mean fineweb"), ("no/such.toml", "cannot be read"), ("nothing like it", "the recipes are")],
)
def test_an_unknown_recipe_is_told(name: str, says: str) -> None:
    with pytest.raises(EtymonError) as caught:
        recipe(name)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "x = ", "[[rule]]\n"])
def test_a_file_without_rules_is_told(text: str) -> None:
    with pytest.raises(EtymonError, match=r"mine\.toml"):
        parse_recipe(text, "mine", "mine.toml")


def test_a_line_of_blanks_has_no_long_word() -> None:
    assert edit_and_measure([" " * 2000 + "\nwords"], (), ("long words",)).texts == [" " * 2000 + "\nwords"]


def test_no_edit_brings_text_in() -> None:
    for text in ("\n".join(LINES), "", "\n\n\n"):
        for name, each in EDITS.items():
            assert len(each(text)) <= len(text), name
