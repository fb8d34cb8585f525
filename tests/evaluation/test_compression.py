"""The compression floor is what the compressors themselves need."""

from __future__ import annotations

import bz2
import os
from pathlib import Path

import numpy as np
import pytest

from etymon.errors import EtymonError
from etymon.evaluation import compression_floor

SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
TEXT = " ".join(f"the {word} of the {word}s" for word in ("king", "crown", "house", "river", "song") * 40).encode()


def test_the_floor_is_the_size_of_the_compressed_text():
    floor = compression_floor([TEXT[:500], TEXT[500:]])
    assert floor["bz2"] == 8 * len(bz2.compress(TEXT)) / len(TEXT)
    assert set(floor) == {"bz2", "xz"} and 0 < floor["xz"] < 8


def test_a_compressor_that_has_read_the_same_text_needs_almost_nothing():
    noise = np.random.default_rng(0).bytes(3000)
    floor = compression_floor([noise], after=[TEXT, noise])
    assert floor["xz"] > 8
    assert floor["xz after training text"] < 0.2


def test_there_must_be_text():
    with pytest.raises(EtymonError, match="no text to compress"):
        compression_floor([b"", b""])


def test_tiny_shakespeare_has_the_floor_that_is_known_of_it():
    file = SHARED / "text" / "tinyshakespeare.txt"
    if not file.exists():
        pytest.skip("the shared real data is not beside this checkout")
    assert compression_floor([file.read_bytes()])["bz2"] == pytest.approx(2.36, abs=0.01)
