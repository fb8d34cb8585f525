"""A text larger than the memory setting is counted in parts: the same bits, each part once, and within the setting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models import NgramSettings, estimate_ngram, load, save
from etymon.models.ngram_columns import IN_MEMORY, OnDisk
from etymon.models.ngram_memory import columns_for, whole
from etymon.models.ngram_settings import PRUNED, SMOOTHINGS
from etymon.models.ngram_smoothing import tables_of
from etymon.progress import silent
from etymon.recipe import identity
from etymon.storage import Steps, Store

END, VOCABULARY = 5, 7
documents = st.lists(st.lists(st.integers(0, 4), max_size=20), min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    """Hundreds of small parts, each made durable, would take minutes; tests/storage shows that they are."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def stream_of(texts):
    return np.array([END, *(token for text in texts for token in (*text, END))], np.uint16)


def bits(counted):
    """All that an estimation gives, as bytes and numbers."""
    columns = ("keys", "counts", "totals", "backoffs", "hits")
    tables = [{name: (getattr(t, name).dtype, getattr(t, name).tobytes()) for name in columns} for t in counted.tables]
    rest = (counted.discounts.tobytes(), counted.total, counted.backoff, counted.operations, counted.mixing)
    return tables, rest


@given(
    documents,
    st.integers(1, 6),
    st.sampled_from(SMOOTHINGS),
    st.sampled_from([(), (0, 1), (0, 0, 2)]),
    st.integers(1, 60),
)
@settings(max_examples=25, deadline=None)
@example([[]], 3, "katz", (), 1)
@example([[0] * 20], 4, "modified-kneser-ney", (0, 1), 2)
@example([[0, 1, 2, 3, 4] * 4] * 3, 6, "add-k", (), 7)
def test_counting_in_parts_gives_the_same_bits(tmp_path_factory, texts, order, smoothing, prune, piece):
    cut = prune[:order] if smoothing in PRUNED else ()
    wanted, stream = NgramSettings(order=order, smoothing=smoothing, prune=cut), stream_of(texts)
    on_disk = OnDisk(Steps(tmp_path_factory.mktemp("counting") / "steps"), piece)
    in_parts = tables_of(wanted, stream, VOCABULARY, END, silent, on_disk)
    assert bits(in_parts) == bits(tables_of(wanted, stream, VOCABULARY, END, silent))


class Killed(BaseException):
    """In the place of a signal."""


class Watched(Steps):
    """Steps that note which are begun, and are killed at the beginning of one."""

    def __init__(self, path, kill_at=None):
        super().__init__(path)
        self.begun = Counter()
        self.kill_at = kill_at

    def begin(self, name):
        if sum(self.begun.values()) == self.kill_at:
            raise Killed
        self.begun[name] += 1
        return super().begin(name)


def english_like(tokens):
    random = np.random.default_rng(0)
    return stream_of(np.array_split(np.minimum(random.zipf(1.5, tokens) - 1, 4), 5))


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "katz"])
def test_after_a_kill_between_any_two_parts_only_the_rest_is_done(tmp_path, smoothing):
    wanted, stream = NgramSettings(order=3, smoothing=smoothing), english_like(100)
    whole_job = Watched(tmp_path / "whole")
    expected = bits(tables_of(wanted, stream, VOCABULARY, END, silent, OnDisk(whole_job, 30)))
    assert len(whole_job.begun) > 10 and set(whole_job.begun.values()) == {1}
    for kill_at in range(len(whole_job.begun)):
        first = Watched(tmp_path / str(kill_at), kill_at)
        with pytest.raises(Killed):
            tables_of(wanted, stream, VOCABULARY, END, silent, OnDisk(first, 30))
        second = Watched(tmp_path / str(kill_at))
        assert bits(tables_of(wanted, stream, VOCABULARY, END, silent, OnDisk(second, 30))) == expected
        assert first.begun + second.begun == whole_job.begun  # together each once


def test_a_damaged_part_is_found_out(tmp_path):
    stream = english_like(100)
    tables_of(NgramSettings(order=3), stream, VOCABULARY, END, silent, OnDisk(Steps(tmp_path / "steps"), 30))
    [keys] = tmp_path.glob("steps/3.merged*/keys")
    keys.write_bytes(bytes(len(keys.read_bytes())))
    with pytest.raises(EtymonError, match=r"3\.merged"):
        tables_of(NgramSettings(order=3), stream, VOCABULARY, END, silent, OnDisk(Steps(tmp_path / "steps"), 30))


def test_the_parts_of_a_model_may_be_cleared_once_it_is_saved(tmp_path, monkeypatch):
    monkeypatch.setattr("etymon.models.ngram_memory.BESIDES", 0)
    stream, memory = english_like(2000), (128 + 256) * VOCABULARY + 20_000
    assert whole(4, VOCABULARY, len(stream)) > 10 * memory
    store, artifacts = Store.at(tmp_path), []
    for limit in (0, memory):
        steps = store.run("counting").steps("model")
        model = estimate_ngram(NgramSettings(order=4, memory=limit), VOCABULARY, stream, END, steps=steps)
        assert steps.path.exists() == bool(limit)
        with store.create("model", {"memory": limit}, {}, stage_version=1) as draft:
            save(draft, model)
            artifacts.append(draft.seal())
        steps.clear()
        assert not steps.path.exists()
        row = np.array([[END, 0, 1, 0]])
        assert load(artifacts[-1]).next_log_probs(row)[0].tobytes() == model.next_log_probs(row)[0].tobytes()
    assert artifacts[0].content_hash == artifacts[1].content_hash


def test_the_setting_is_no_part_of_what_is_made():
    assert identity(NgramSettings(memory=10**9)) == identity(NgramSettings())


def test_a_text_that_fits_is_counted_in_memory():
    with columns_for(NgramSettings(memory=10**9), 500, 10_000, None) as columns:
        assert columns is IN_MEMORY
    with columns_for(NgramSettings(memory=30 * 10**6), 500, 10_000_000, None) as columns:
        assert columns.piece < 30 * 10**6 / 100


def test_too_little_memory_for_one_part_is_refused_with_how_much_is_enough():
    with pytest.raises(EtymonError) as told:
        estimate_ngram(NgramSettings(memory=10**6), VOCABULARY, np.full(10**6, END), END)
    assert told.value.what == "memory=1 MB is too little to count this text"
    assert told.value.where == "models.ngram.memory"
    assert "give at least 17MB" in told.value.help


COUNT = """
import json, re, resource, sys
import numpy as np
from etymon.models import NgramSettings, estimate_ngram

def held():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmData:\\s+(\\d+)", file.read())[1]) * 1024

memory, room = map(int, sys.argv[1:])
random = np.random.default_rng(0)
ids = np.minimum(random.zipf(1.2, 3_000_000), 998).astype(np.uint16)
ids[::500] = ids[-1] = 0
room += held()
resource.setrlimit(resource.RLIMIT_DATA, (room, room))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = estimate_ngram(NgramSettings(order=4, memory=memory), 1000, ids, 0)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"grams": [len(table.keys) for table in model.counted.tables], "more": (after - before) * 1024}))
"""


def counted(memory, room):
    """Counting three million tokens in a process that may hold `room` bytes more than it held before."""
    command = [sys.executable, "-c", COUNT, str(memory), str(room)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.ci
@pytest.mark.skipif(sys.platform != "linux", reason="the limit on a process's own memory is Linux's")
def test_a_text_that_takes_ten_times_the_setting_is_counted_within_it():
    memory = 24 * 10**6
    in_parts = json.loads(counted(memory, memory).stdout)
    assert in_parts["grams"][0] == 1000 and in_parts["grams"][3] > 10**6
    assert in_parts["more"] < 1.5 * memory  # with the pages of its files that are looked at for a moment
    assert "MemoryError" in counted(10**10, 10 * memory).stderr  # all at once it takes more than ten times as much
