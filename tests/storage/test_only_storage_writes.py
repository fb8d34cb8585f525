"""Only storage changes the disk: elsewhere no file is opened for writing, renamed, made or removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from writing_calls import writing_calls

SOURCE = Path(__file__).parents[2] / "src" / "etymon"
ELSEWHERE = sorted(path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] != "storage")

WRITING = [
    "open('x', 'w')",
    "open('x', mode='ab')",
    "open('x', 'r+b')",
    "open('x', 'x')",
    "open('x', mode)",
    "import io; io.open('x', 'w')",
    "import gzip; gzip.open('x', 'wt')",
    "from gzip import open as unzip; unzip('x', 'wb')",
    "import zipfile; zipfile.ZipFile('x', 'w')",
    "import tarfile; tarfile.open('x', 'w:gz')",
    "path.open('w')",
    "path.open(mode='a')",
    "(folder / 'x').open('xb')",
    "Path('x').write_text('')",
    "path.parent.write_bytes(b'')",
    "path.unlink()",
    "path.rename(target)",
    "path.replace(target)",
    "path.mkdir(parents=True)",
    "path.rmdir()",
    "path.touch()",
    "path.symlink_to(target)",
    "import os; os.open('x', os.O_WRONLY)",
    "import os; os.open('x', os.O_RDONLY | os.O_CREAT)",
    "import os; os.open('x', flags)",
    "from os import open as o, O_RDWR; o('x', O_RDWR)",
    "import os; os.rename('x', 'y')",
    "import os; os.replace('x', 'y')",
    "import os as system; system.remove('x')",
    "from os import makedirs; makedirs('x')",
    "from os import unlink as gone; gone('x')",
    "import shutil; shutil.rmtree('x')",
    "from shutil import copyfile; copyfile('x', 'y')",
    "import tempfile; tempfile.mkdtemp()",
    "from tempfile import TemporaryDirectory; TemporaryDirectory()",
    "import numpy as np; np.save('x', array)",
    "import numpy; numpy.savez_compressed('x', a=array)",
    "import numpy as np; np.memmap('x', 'u1', 'w+')",
    "import numpy as np; np.memmap('x', 'u1')",
    "import numpy as np; np.lib.format.open_memmap('x')",
    "array.tofile('x')",
    "import torch; torch.save(state, 'x')",
    "from torch import save; save(state, 'x')",
    "from safetensors.numpy import save_file; save_file(tensors, 'x')",
    "import safetensors.torch; safetensors.torch.save_file(tensors, 'x')",
    "import pyarrow.parquet as pq; pq.write_table(table, 'x')",
    "import pyarrow.parquet as pq; pq.write_table(table, folder / 'x')",
    "import pyarrow.parquet as pq; pq.write_table(table, where=f'{name}.parquet')",
    "from pyarrow.parquet import ParquetWriter; ParquetWriter(str(path), schema)",
    "from pyarrow.parquet import ParquetWriter; ParquetWriter(self.path, schema)",
    "import pyarrow as pa; pa.OSFile('x', 'wb')",
    "tokenizer.save('tokenizer.json')",
    "model.save_pretrained('x')",
    "import sqlite3; sqlite3.connect('x')",
]

HARMLESS = [
    "open('x')",
    "open('x', 'rb')",
    "open('x', encoding='utf-8')",
    "path.open()",
    "path.open('rb')",
    "artifact.open('train.ids')",
    "artifact.open('weights')",
    "store.open(reference)",
    "import gzip; gzip.open('x', 'rt')",
    "path.read_text()",
    "'a-b'.replace('-', '_')",
    "text.replace('-', '_', 1)",
    "when.replace(tzinfo=None)",
    "import dataclasses; dataclasses.replace(settings, depth=4)",
    "from dataclasses import replace; replace(settings, depth=4)",
    "table.rename_columns(names)",
    "import os; os.open('x', os.O_RDONLY)",
    "import os; os.open('x', os.O_RDONLY | os.O_CLOEXEC)",
    "import os; os.open(os.devnull, os.O_WRONLY)",
    "import os; os.path.exists('x')",
    "import os; os.environ.get('x')",
    "import shutil; shutil.which('x')",
    "import shutil; shutil.disk_usage('x')",
    "import numpy as np; np.memmap('x', 'u1', 'r')",
    "import pyarrow.parquet as pq; pq.write_table(table, file)",
    "from pyarrow.parquet import ParquetWriter; ParquetWriter(file, schema)",
    "from etymon.models import save; save(draft, model)",
    "draft.write('name', b'')",
    "draft.writer('name')",
    "import safetensors.numpy; safetensors.numpy.save(tensors)",
    "'open(path, \"w\")'",
]


SCRATCH = {  # what is gone when the process is: folders of keys or counts, shared memory, a pipe to the supervisor
    "corpus/near/copies.py": ["tempfile.TemporaryDirectory", "numpy.memmap", ".open"],
    "corpus/workers/child.py": ["os.fdopen"],
    "corpus/workers/process.py": ["tempfile.TemporaryFile"],
    "models/ngram_memory.py": ["tempfile.TemporaryDirectory"],
}


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_other_room_changes_the_disk(path: Path) -> None:
    found = [call.partition(": ")[2] for call in writing_calls(path.read_text(encoding="utf-8"))]
    assert found == SCRATCH.get(path.relative_to(SOURCE).as_posix(), [])


def test_there_is_something_to_look_at() -> None:
    assert len(ELSEWHERE) > 20
    inside = [path for path in (SOURCE / "storage").glob("*.py") if writing_calls(path.read_text(encoding="utf-8"))]
    assert {path.name for path in inside} >= {"commit.py", "lock.py"}


@pytest.mark.parametrize("source", WRITING)
def test_a_planted_writing_call_is_found(source: str) -> None:
    assert len(writing_calls(f"def use(self, path, mode):\n    {source}\n")) == 1


@pytest.mark.parametrize("source", HARMLESS)
def test_what_does_not_write_is_left_alone(source: str) -> None:
    assert writing_calls(source) == []


def test_each_call_is_told_with_its_line() -> None:
    source = "import os\n\nwith open('x', 'w') as file:\n    os.remove('x')\n"
    assert writing_calls(source) == ["3: open", "4: os.remove"]
