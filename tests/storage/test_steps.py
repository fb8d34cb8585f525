"""A finished step of a computation is found again whole; one that was not finished is not there."""

from __future__ import annotations

import pytest

from etymon.errors import EtymonError
from etymon.storage import Damaged, Steps, Store


def finish(steps, name, data=b"rows"):
    with steps.begin(name) as folder:
        folder.write("column", data)


def test_a_finished_step_is_found_by_its_name(tmp_path):
    finish(Steps(tmp_path / "work"), "one")
    again = Steps(tmp_path / "work")
    assert again.find("one").read("column") == b"rows"
    assert again.find("two") is None


def test_a_step_that_failed_or_was_killed_leaves_nothing(tmp_path):
    steps = Steps(tmp_path / "work")
    with pytest.raises(ZeroDivisionError), steps.begin("one"):
        raise ZeroDivisionError
    assert list(steps.path.iterdir()) == []
    (steps.path / ".draft-one-killed").mkdir()
    finish(Steps(steps.path), "two")  # another process, after the kill
    assert [path.name for path in steps.path.iterdir()] == ["two"]


def test_a_step_may_be_made_while_another_is(tmp_path):
    steps = Steps(tmp_path / "work")
    with steps.begin("merged") as folder:
        finish(steps, "run")
        folder.write("column", b"all")
    assert steps.find("run") and steps.find("merged").read("column") == b"all"


def test_a_damaged_step_was_not_finished_or_is_refused_when_it_is_read(tmp_path):
    steps = Steps(tmp_path / "work")
    for name in ("without manifest", "short", "flipped"):
        finish(steps, name.replace(" ", "-"))
    (steps.path / "without-manifest" / "manifest.json").unlink()
    (steps.path / "short" / "column").write_bytes(b"row")
    (steps.path / "flipped" / "column").write_bytes(b"r0ws")
    assert steps.find("without-manifest") is None and steps.find("short") is None
    with pytest.raises(Damaged, match="flipped"):
        steps.find("flipped").read("column")


def test_what_is_not_needed_any_more_is_dropped(tmp_path):
    run = Store.at(tmp_path).run("counting")
    steps = run.steps("model").within("part")
    for name in ("one", "two"):
        finish(steps, name)
    steps.drop("one")
    steps.drop("never-there")
    assert steps.find("one") is None and steps.find("two") is not None
    run.steps("model").clear()
    assert not steps.path.exists() and run.verify() == []
    run.steps("model").clear()


def test_names_are_checked(tmp_path):
    with pytest.raises(EtymonError, match="name of a step"):
        Steps(tmp_path).find("../outside")
    with pytest.raises(EtymonError, match="piece of work"):
        Store.at(tmp_path).run("counting").steps(".hidden")
