"""Finds in Python source the calls that write, rename, make or remove files, by reading its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

METHODS = {"write_text", "write_bytes", "unlink", "rename", "mkdir", "rmdir", "touch", "symlink_to", "hardlink_to"}
METHODS |= {"tofile", "save_file", "save_pretrained", "to_csv", "to_parquet", "lchmod", "open_memmap"}
MODULES = {"shutil", "tempfile", "dbm", "shelve"}
HARMLESS = {"shutil.which", "shutil.disk_usage", "shutil.get_terminal_size", "tempfile.gettempdir"}
OF_OS = {"rename", "renames", "replace", "remove", "unlink", "rmdir", "removedirs", "mkdir", "makedirs"}
OF_OS |= {"mkfifo", "mknod", "link", "symlink", "truncate", "ftruncate", "posix_fallocate", "utime", "chmod", "chown"}
FUNCTIONS = {f"os.{name}" for name in OF_OS}
FUNCTIONS |= {"numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt"}
FUNCTIONS |= {"torch.save", "numpy.lib.format.open_memmap", "sqlite3.connect", "logging.FileHandler"}
FUNCTIONS |= {"safetensors.numpy.save_file", "safetensors.torch.save_file", "safetensors.torch.save_model"}
OPENERS = {"open", "io.open", "os.fdopen", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "tarfile.open"}
OPENERS |= {"gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile", "zipfile.ZipFile", "pyarrow.OSFile", "pyarrow.memory_map"}
TO_A_PATH = {"write_table": 1, "write_feather": 1, "write_csv": 1, "ParquetWriter": 0, "output_stream": 0, "save": 0}
"""Functions that take a path or an open file, and at which place; only paths are wrong."""
WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"}


def writing_calls(source: str) -> list[str]:
    """Each call that may change the disk, as "LINE: NAME", in order."""
    tree = ast.parse(source)
    names = dict(_imported(tree))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [(call.lineno, _full_name(call.func, names)) for call in calls if _writes(call, names)]
    return [f"{line}: {name}" for line, name in sorted(found)]


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (
                    alias.asname or alias.name.split(".")[0],
                    alias.name if alias.asname else alias.name.split(".")[0],
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    """`os.rename` also where it was imported under another name; `.rename` for a method of some other value."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = _full_name(node.value, names)
        return f"{owner}.{node.attr}" if owner.split(".")[0] in _roots(names) else f".{node.attr}"
    return ""


def _roots(names: dict[str, str]) -> set[str]:
    return {full.split(".")[0] for full in names.values()}


def _writes(call: ast.Call, names: dict[str, str]) -> bool:
    name = _full_name(call.func, names)
    last = name.rpartition(".")[2]
    if name in HARMLESS or not name:
        return False
    if name in FUNCTIONS or name.split(".")[0] in MODULES:
        return True
    if name == "os.open":
        return _has_writing_flags(call) and not _is_null_device(call)
    if name in OPENERS:
        return _mode_writes(_argument(call, 1, "mode"))
    if name == "numpy.memmap":
        return _mode_writes(_argument(call, 2, "mode"), default=True)
    if isinstance(call.func, ast.Attribute) and _method_writes(call, name, last):
        return True
    return last in TO_A_PATH and _is_path(_argument(call, TO_A_PATH[last], "where"))


def _method_writes(call: ast.Call, name: str, last: str) -> bool:
    if last == "open":
        return _mode_writes(_argument(call, 0, "mode"), of_method=True)
    if last == "replace":  # of text it takes two, of dates and dataclasses keywords; of paths one
        return len(call.args) == 1 and not call.keywords
    return last in METHODS and not name.startswith("etymon.")


def _argument(call: ast.Call, place: int, keyword: str) -> ast.expr | None:
    named = [given.value for given in call.keywords if given.arg == keyword]
    return named[0] if named else call.args[place] if len(call.args) > place else None


def _mode_writes(mode: ast.expr | None, *, default: bool = False, of_method: bool = False) -> bool:
    """Whether a mode writes. One that is not spelled out may; of a method called `open` only what looks like a mode."""
    if mode is None:
        return default
    if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
        return bool(set(mode.value) & set("wax+")) and set(mode.value) <= set("rwaxbt+c:|gz2")
    return not of_method and not isinstance(mode, ast.Constant)


def _has_writing_flags(call: ast.Call) -> bool:
    """Whether the flags write, or come from elsewhere."""
    flags = _argument(call, 1, "flags")
    used = {node.attr for node in ast.walk(flags) if isinstance(node, ast.Attribute)} if flags else set()
    used |= {node.id for node in ast.walk(flags) if isinstance(node, ast.Name)} - {"os"} if flags else set()
    return bool(used & WRITING_FLAGS) or not all(one.startswith("O_") for one in used) or not used


def _is_null_device(call: ast.Call) -> bool:
    """Whether `os.devnull` is opened, which keeps nothing."""
    path = _argument(call, 0, "path")
    return isinstance(path, ast.Attribute) and ast.unparse(path) == "os.devnull"


def _is_path(node: ast.expr | None) -> bool:
    """Whether an argument is plainly a path, not an open file: text, a join with `/`, Path(…), a name like `…path`."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("Path", "str")
    if isinstance(node, ast.Name | ast.Attribute):
        return (node.id if isinstance(node, ast.Name) else node.attr).lower().endswith(("path", "folder", "filename"))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
