"""From paths to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etymon.corpus.sources import format_of
from etymon.corpus.walk import find_sources
from etymon.errors import EtymonError

Folder = Callable[[Mapping[str, str | bytes]], Path]


def names(path: Path) -> list[str]:
    return [source.name for source in find_sources([str(path)]).files]


def test_files_come_in_sorted_order_named_from_the_given_folder(folder: Folder) -> None:
    root = folder({"b.txt": "x", "a/z.txt": "x", "a/b/c.md": "x", "a0.txt": "x", "B.txt": "x"})
    assert names(root) == ["B.txt", "a/b/c.md", "a/z.txt", "a0.txt", "b.txt"]


def test_hidden_and_tool_folders_are_passed_over_and_named(folder: Folder) -> None:
    root = folder(
        {
            ".git/config": "x",
            ".notes.txt": "x",
            "env/pyvenv.cfg": "x",
            "src/__pycache__/a.txt": "x",
            "node_modules/a.js": "x",
            "src/a.py": "x",
        }
    )
    sources = find_sources([str(root)])
    assert [source.name for source in sources.files] == ["src/a.py"]
    assert {each.path: each.reason for each in sources.passed_over} == {
        ".git": "hidden folder",
        ".notes.txt": "hidden file",
        "env": "virtual environment",
        "node_modules": "holds no text of its own",
        "src/__pycache__": "holds no text of its own",
    }


def test_links_that_loop_or_repeat_are_passed_over(folder: Folder) -> None:
    root = folder({"a/one.txt": "x", "b/two.txt": "x"})
    (root / "a/loop").symlink_to(root)
    (root / "b/same.txt").symlink_to(root / "a/one.txt")
    sources = find_sources([str(root)])
    assert [source.name for source in sources.files] == ["a/one.txt", "b/two.txt"]
    assert {each.path for each in sources.passed_over} == {"a/loop", "b/same.txt"}


def test_a_dangling_link_and_a_pipe_are_faults_and_nothing_hangs(folder: Folder) -> None:
    root = folder({"a.txt": "x"})
    (root / "gone.txt").symlink_to(root / "nowhere")
    (root / "self").symlink_to(root / "self")
    os.mkfifo(root / "pipe.txt")
    faults = {source.name: source.fault.kind for source in find_sources([str(root)]).files if source.fault}
    assert faults == {"gone.txt": "unreadable", "self": "unreadable", "pipe.txt": "not a regular file"}


def test_a_name_that_is_no_unicode_is_made_readable(folder: Folder) -> None:
    root = folder({"a.txt": "x"})
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.txt")).write_text("x")
    assert "caf%E9.txt" in names(root)


def test_names_that_differ_in_bytes_that_are_no_unicode_stay_two(folder: Folder) -> None:
    root = folder({"a.txt": "x", "%FF.txt": "x", "%FF.txt (2)": "x"})
    for name in (b"\xff.txt", b"\xfe.txt", b"\xfe", b"\xff"):
        place = os.fsencode(root) + b"/" + name
        if name.endswith(b".txt"):
            Path(os.fsdecode(place)).write_text("x")
        else:
            os.mkdir(place)
            Path(os.fsdecode(place + b"/same.txt")).write_text("x")
    found = names(root)
    assert {"%FE.txt", "%FF.txt", "%FE/same.txt", "%FF/same.txt"} < set(found)
    assert len(set(found)) == len(found) == 7


def test_two_folders_with_the_same_names_do_not_collide(tmp_path: Path) -> None:
    for each in ("one", "two", "x/two"):
        (tmp_path / each).mkdir(parents=True)
        (tmp_path / each / "a.txt").write_text(each)
    paths = [str(tmp_path / each) for each in ("one", "two", "x/two")]
    assert [source.name for source in find_sources(paths).files] == ["a.txt", "two/a.txt", "two-2/a.txt"]


def test_a_path_given_twice_is_read_once(folder: Folder) -> None:
    root = folder({"a.txt": "x"})
    sources = find_sources([str(root), str(root / "a.txt")])
    assert [source.name for source in sources.files] == ["a.txt"]
    assert sources.passed_over[0].reason == "the same as a.txt, already read"


def test_a_path_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EtymonError, match="there is no file or folder") as caught:
        find_sources([str(tmp_path / "nothing.txt")])
    assert "spelling" in caught.value.help


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EtymonError, match="is empty"):
        find_sources([str(tmp_path / "empty")])
    with pytest.raises(EtymonError, match="no path"):
        find_sources([])


def test_a_folder_of_only_hidden_files_says_what_was_passed_over(folder: Folder) -> None:
    with pytest.raises(EtymonError, match="nothing to read") as caught:
        find_sources([str(folder({".git/x": "x"}))])
    assert ".git" in caught.value.why


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", ("text", "")),
        ("A.TXT.GZ", ("text", ".gz")),
        ("a.jsonl.zst", ("jsonl", ".zst")),
        ("a.tar.gz", ("archive", "")),
        ("data.gz", ("unknown", ".gz")),
        ("Makefile", ("unknown", "")),
        ("a.py", ("code", "")),
    ],
)
def test_formats_are_told_by_the_suffix(name: str, expected: tuple[str, str]) -> None:
    assert format_of(name) == expected
