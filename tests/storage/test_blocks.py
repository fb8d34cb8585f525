"""Blocks: what is written is what is read, through every door, and no block is given out unchecked."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import xxhash
from filled_store import sealed
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.storage import Damaged, FileWriter, Store, commit
from etymon.storage.blocks import BLOCK

BIG = bytes(range(256)) * (BLOCK // 256) * 2 + b"and a third block that is short"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> io.BufferedReader:
    store = Store.at(tmp_path_factory.mktemp("blocks"))
    return sealed(store, files={"big.bin": BIG}).open("big.bin")  # type: ignore[return-value]


@given(st.lists(st.tuples(st.integers(0, len(BIG) + 10), st.integers(0, BLOCK + 100)), max_size=5))
@settings(max_examples=50)
def test_reads_at_any_place_give_the_bytes_of_that_place(big: io.BufferedReader, places: list[tuple[int, int]]) -> None:
    for start, length in places:
        big.seek(start)
        assert big.read(length) == BIG[start : start + length]


def test_seeking_from_the_end_and_from_here(big: io.BufferedReader) -> None:
    assert big.seek(-5, io.SEEK_END) == len(BIG) - 5
    assert big.read() == b"short"
    big.seek(10)
    big.seek(5, io.SEEK_CUR)
    assert big.tell() == 15
    assert big.read(1) == bytes([15])


@given(st.lists(st.integers(0, 3 * BLOCK // 2), max_size=4))
@settings(max_examples=20, deadline=None)
def test_blocks_do_not_depend_on_how_the_bytes_came(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    parts = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    whole = b"".join(parts)
    path = tmp_path_factory.mktemp("parts") / "file"
    with FileWriter(path) as file:
        for part in parts:
            file.write(part)
    assert file.record is not None
    assert file.record.size == len(whole)
    assert file.record.sha256 == hashlib.sha256(whole).hexdigest()
    starts = range(0, len(whole), BLOCK)
    assert list(file.record.blocks) == [xxhash.xxh3_128_hexdigest(whole[start : start + BLOCK]) for start in starts]
    assert path.read_bytes() == whole


def test_a_changed_block_is_refused_and_the_others_are_still_read(store: Store) -> None:
    artifact = sealed(store, files={"big.bin": BIG})
    path = artifact.path / "big.bin"
    with path.open("r+b") as file:
        file.seek(BLOCK + 77)
        file.write(b"!")
    with artifact.open("big.bin") as reader:
        assert reader.read(100) == BIG[:100]
        reader.seek(2 * BLOCK)
        assert reader.read() == BIG[2 * BLOCK :]
        reader.seek(BLOCK)
        with pytest.raises(Damaged) as caught:
            reader.read(1)
    assert caught.value.damage.block == 1
    assert caught.value.exit_code == 74
    told = str(caught.value)
    assert artifact.label in told
    assert "big.bin" in told
    assert "block 1" in told
    assert "etymon verify" in told
    assert [damage.block for damage in artifact.verify()] == [1]


def test_a_file_is_mapped_read_only_and_whole(store: Store) -> None:
    numbers = np.arange(1_000_000, dtype=np.uint16)
    artifact = sealed(store, files={"ids": numbers.tobytes(), "none": b""})
    mapped = artifact.map("ids", np.uint16)
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, numbers)
    assert not mapped.flags.writeable
    assert artifact.map("none", np.int64).shape == (0,)
    assert not artifact.map("none", np.int64).flags.writeable


def test_mapping_refuses_a_changed_file(store: Store) -> None:
    artifact = sealed(store, files={"ids": BIG})
    (artifact.path / "ids").write_bytes(BIG[:-1] + b"!")
    with pytest.raises(Damaged) as caught:
        artifact.map("ids", np.uint8)
    assert caught.value.damage.block == 2


def test_a_file_changed_after_it_was_mapped_is_checked_again_by_the_next_mapping(store: Store) -> None:
    artifact = sealed(store, files={"ids": b"abcd"})
    assert artifact.map("ids", np.uint8)[0] == ord("a")
    (artifact.path / "ids").write_bytes(b"xbcd")
    with pytest.raises(Damaged):
        artifact.map("ids", np.uint8)


def test_mapping_as_a_type_that_does_not_fit_is_refused(store: Store) -> None:
    artifact = sealed(store, files={"ids": b"abc"})
    with pytest.raises(EtymonError, match="no whole number"):
        artifact.map("ids", np.uint16)


def test_a_link_in_place_of_a_file_is_not_followed(store: Store, tmp_path: Path) -> None:
    artifact = sealed(store, files={"data": b"abc"})
    outside = tmp_path / "outside"
    outside.write_bytes(b"abc")
    (artifact.path / "data").unlink()
    (artifact.path / "data").symlink_to(outside)
    with pytest.raises(Damaged, match="data"):
        artifact.read("data")


def test_a_writer_whose_body_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), FileWriter(tmp_path / "file") as file:
        file.write(b"half")
        raise RuntimeError("stop")
    assert not (tmp_path / "file").exists()


def test_a_writer_that_is_forgotten_leaves_no_file(tmp_path: Path) -> None:
    file = FileWriter(tmp_path / "file")
    file.write(b"half")
    del file
    assert not (tmp_path / "file").exists()


def test_a_writer_takes_any_bytes_like_object(tmp_path: Path) -> None:
    with FileWriter(tmp_path / "file") as file:
        written = file.write(np.arange(3, dtype=np.uint16)) + file.write(bytearray(b"ab")) + file.write(b"")
        assert file.tell() == written == 8
    assert (tmp_path / "file").read_bytes() == b"\0\0\1\0\2\0ab"


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"earlier")
    with pytest.raises(commit.DiskFault):
        FileWriter(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"earlier"
