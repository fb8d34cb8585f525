"""Files far away give the corpus that they would give here; what goes wrong on the way is one clear error, and nothing
half stays."""

from __future__ import annotations

import functools
import gzip
import io
import json
import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPMessage
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request as WebRequest

import pytest

from etymon.cli import main
from etymon.cli.run_command import name_from
from etymon.corpus import Corpus, build, read
from etymon.errors import EtymonError
from etymon.run import Budget, Request
from etymon.storage import Artifact, NetworkFault, Store, bucket, far, redirects
from harness.planted_crawl import write_planted_crawl
from harness.s3_server import S3Server, serving
from harness.web_server import WebServer, serving_web

Folder = Callable[[Mapping[str, str | bytes]], Path]


def sentences(seed: int, documents: int = 40) -> bytes:
    """JSON lines of different documents."""
    chosen = random.Random(seed)
    words = ("river", "boat", "mill", "village", "morning", "stone", "bridge", "lantern", "market", "window", "winter")
    texts = [f"Number {n}: " + " ".join(chosen.choices(words, k=60)) + "." for n in range(documents)]
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


def same(left: Artifact, right: Artifact) -> bool:
    return (left.id, left.content_hash) == (right.id, right.content_hash)


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """Another store, for what is built from files that lie here."""
    return Store.at(tmp_path / "other")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setattr(bucket, "PATIENCE", 0.4)
    monkeypatch.setattr(far, "CHUNK", 1000)
    with serving_web() as server:
        server.files["/a/text.jsonl"] = sentences(1)
        yield server


def local(other: Store, folder: Folder, data: bytes) -> Artifact:
    return build(other, [str(folder({"text.jsonl": data}) / "text.jsonl")])


# A web server


def test_a_web_archive_of_a_plain_web_server_gives_the_same_corpus(store: Store, other: Store, tmp_path: Path) -> None:
    write_planted_crawl(tmp_path / "crawl", files=1)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = build(store, [f"http://127.0.0.1:{server.server_port}/crawl/part-0.warc.gz"])
        server.shutdown()
    assert same(made, build(other, [str(tmp_path / "crawl" / "part-0.warc.gz")]))


@pytest.mark.ci
def test_a_file_of_common_crawl_gives_the_same_corpus(store: Store, other: Store, public_data: Path) -> None:
    path = public_data / "warc" / "dolma" / "sample-0001.warc.gz"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    with serving_web() as server:
        server.files["/crawl-data/sample-0001.warc.gz"] = path.read_bytes()
        server.cut = lambda number, method: 300_000 if method == "GET" and number < 4 else None
        made = build(store, [f"{server.url}/crawl-data/sample-0001.warc.gz"])
    assert same(made, build(other, [str(path)]))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_is_taken_up_again(
    store: Store, other: Store, folder: Folder, web: WebServer, ranges: bool
) -> None:
    web.ranges = ranges
    web.cut = lambda number, method: 5_000 + 1000 * number if method == "GET" and number < 5 else None
    made = build(store, [f"{web.url}/a/text.jsonl"])
    assert web.gets() == (3 if ranges else 5)
    assert same(made, local(other, folder, web.files["/a/text.jsonl"]))


def test_a_connection_that_breaks_for_good_is_one_error_and_leaves_nothing(
    store: Store, other: Store, folder: Folder, web: WebServer
) -> None:
    web.cut = lambda number, method: 0 if number > 1 else 5_000
    with pytest.raises(NetworkFault, match=r"broke after 5,\d{3} of") as told:
        build(store, [f"{web.url}/a/text.jsonl"])
    assert told.value.where == f"{web.url}/a/text.jsonl"
    assert store.artifacts() == []
    web.cut = lambda number, method: None
    assert same(build(store, [f"{web.url}/a/text.jsonl"]), local(other, folder, web.files["/a/text.jsonl"]))


def without_length(method: str, about: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if (name, method) != ("Content-Length", "HEAD")}


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_length_that_comes_only_with_the_bytes_is_held_to(
    store: Store, other: Store, folder: Folder, web: WebServer, tags: bool, ranges: bool
) -> None:
    web.headers, web.tags, web.ranges = without_length, tags, ranges
    web.cut = lambda number, method: 5_000 if method == "GET" and number == 1 else None
    made = build(store, [f"{web.url}/a/text.jsonl"])
    assert same(made, local(other, folder, web.files["/a/text.jsonl"]))
    assert web.gets() == (2 if tags else 3)
    web.cut = lambda number, method: 5_000 if method == "GET" else None
    web.files["/a/text.jsonl"] = sentences(2)
    web.ranges = False
    with pytest.raises(NetworkFault, match="broke"):
        build(store, [f"{web.url}/a/text.jsonl"])


def test_names_of_headers_in_lower_case_are_read(store: Store, other: Store, folder: Folder, web: WebServer) -> None:
    web.headers = lambda method, about: {name.lower(): value for name, value in about.items()}
    web.cut = lambda number, method: 5_000 if number == 1 else None
    made = build(store, [f"{web.url}/a/text.jsonl"])
    assert same(made, local(other, folder, web.files["/a/text.jsonl"]))
    assert web.gets() == 2


@pytest.mark.parametrize("tells", ["HEAD", "GET"])
def test_bytes_compressed_on_the_way_are_refused(store: Store, web: WebServer, tells: str) -> None:
    web.files["/a/text.jsonl"] = gzip.compress(sentences(1))
    coded = {"Content-Encoding": "gzip"}
    web.headers = lambda method, about: about | (coded if method in (tells, "GET") else {})
    with pytest.raises(EtymonError, match=r"sends this file compressed \(gzip\)") as told:
        build(store, [f"{web.url}/a/text.jsonl"])
    assert told.value.where == f"{web.url}/a/text.jsonl"
    assert store.artifacts() == []


def test_a_compressed_file_may_be_called_compressed_too(
    store: Store, other: Store, folder: Folder, web: WebServer
) -> None:
    data = web.files["/a/text.jsonl.gz"] = gzip.compress(sentences(1), mtime=0)
    web.headers = lambda method, about: about | {"Content-Encoding": "gzip"}
    path = folder({"text.jsonl.gz": data}) / "text.jsonl.gz"
    assert same(build(store, [f"{web.url}/a/text.jsonl.gz"]), build(other, [str(path)]))


def test_addresses_that_differ_in_the_query_alone_are_two_files(store: Store, web: WebServer) -> None:
    url = f"{web.url}/a/text.jsonl"
    web.before = lambda number, method: web.files.update({"/a/text.jsonl": sentences(1 + number // 2)})
    made = Corpus.open(build(store, [f"{url}?id=1", f"{url}?id=2", f"{url}?id=1"]))
    assert {each.source_file for each in made.documents()} == {"text.jsonl", "a/text.jsonl"}
    passed_over = made.artifact.statistics["passed_over"]
    assert passed_over == [{"path": "text.jsonl", "reason": "the same as text.jsonl, already read"}]


def test_what_is_not_there_is_told_at_once(store: Store, web: WebServer) -> None:
    with pytest.raises(EtymonError, match="no such file"):
        build(store, [f"{web.url}/a/txt.jsonl"])
    assert len(web.seen) == 1
    web.status = lambda number, method: 403
    with pytest.raises(NetworkFault, match="403"):
        build(store, [f"{web.url}/a/text.jsonl"])
    assert store.artifacts() == []


def test_a_busy_server_is_asked_again(store: Store, web: WebServer) -> None:
    web.status = lambda number, method: 503 if number in (0, 2) else 200
    assert build(store, [f"{web.url}/a/text.jsonl"]).statistics["documents"]["in"] == 40


def test_a_server_that_knows_no_head_is_asked_for_the_file(store: Store, web: WebServer) -> None:
    web.status = lambda number, method: 405 if method == "HEAD" else 200
    assert build(store, [f"{web.url}/a/text.jsonl"]).statistics["documents"]["in"] == 40


def test_no_server_at_all_is_a_fault_of_the_network(store: Store, web: WebServer) -> None:
    url = web.url
    web.server_close()
    with pytest.raises(NetworkFault, match="refused"):
        build(store, [f"{url}/a/text.jsonl"])


@pytest.mark.parametrize("when", ["before its bytes", "amid its bytes"])
def test_a_file_that_changes_on_the_way_is_one_error_and_gives_no_mixture(
    store: Store, other: Store, folder: Folder, web: WebServer, when: str
) -> None:
    new = sentences(2)

    def change(number: int, method: str) -> None:
        if number == (1 if when == "before its bytes" else 2):
            web.files["/a/text.jsonl"] = new

    web.before = change
    web.cut = lambda number, method: 5_000 if number == 1 else None
    with pytest.raises(EtymonError, match="changed while it was being read"):
        build(store, [f"{web.url}/a/text.jsonl"])
    assert store.artifacts() == []
    web.cut = lambda number, method: None
    assert same(build(store, [f"{web.url}/a/text.jsonl"]), local(other, folder, new))


def test_what_was_fetched_is_fetched_again_only_when_it_has_changed(store: Store, web: WebServer) -> None:
    first = build(store, [f"{web.url}/a/text.jsonl"])
    assert (build(store, [f"{web.url}/a/text.jsonl"]).id, web.gets()) == (first.id, 1)
    web.files["/a/text.jsonl"] = sentences(3)
    assert build(store, [f"{web.url}/a/text.jsonl"]).id != first.id
    assert web.gets() == 2


def test_a_copy_that_is_damaged_on_the_disk_is_fetched_anew(
    store: Store, other: Store, folder: Folder, web: WebServer
) -> None:
    build(store, [f"{web.url}/a/text.jsonl"])
    (copy,) = store.artifacts("download")
    (path,) = copy.path.glob("data.jsonl")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"river", b"rivet", 1))
    made = build(store, [f"{web.url}/a/text.jsonl"])
    assert same(made, local(other, folder, web.files["/a/text.jsonl"]))
    assert web.gets() == 2


def test_a_server_that_tells_no_version_is_believed_by_the_digest_of_its_bytes(
    store: Store, other: Store, folder: Folder, web: WebServer
) -> None:
    web.tags = False
    made = build(store, [f"{web.url}/a/text.jsonl"])
    assert same(made, local(other, folder, web.files["/a/text.jsonl"]))

    def change(number: int, method: str) -> None:
        web.files["/a/text.jsonl"] = sentences(number)[:6_000]

    web.before = change
    with pytest.raises(EtymonError, match="changed while it was being read"):
        build(store, [f"{web.url}/a/text.jsonl"])


def test_a_page_without_an_ending_is_a_page(store: Store, web: WebServer) -> None:
    pytest.importorskip("resiliparse")
    web.media_type = "text/html; charset=utf-8"
    text = "".join(f"<p>{json.loads(line)['text']}</p>" for line in sentences(1).splitlines())
    web.files["/"] = f"<html><body><main>{text}</main></body></html>".encode()
    made = Corpus.open(build(store, [f"{web.url}/"]))
    assert {each.source_file for each in made.documents()} == {"127.0.0.1.html"}
    assert not any("<p>" in each.text for each in made.documents())


def test_a_signature_is_written_nowhere_and_told_to_nobody(
    store: Store, web: WebServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{web.url}/a/text.jsonl?signature=geheim"
    build(store, [url])
    assert ("GET", "/a/text.jsonl?signature=geheim") in web.seen
    with pytest.raises(EtymonError) as told:
        build(store, [url.replace("text", "txt")])
    assert "geheim" not in str(told.value)
    assert name_from([url]) == "text.jsonl"
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    assert not any(b"geheim" in path.read_bytes() for path in written)


@pytest.mark.parametrize(
    "address",
    ["https://a.org/x?k='geheim", "https://a.org/x?k= geheim", 'https://a.org/x#"geheim', "s3://a/x?k='geheim"],
)
def test_no_character_ends_what_is_hidden_of_an_address(store: Store, address: str) -> None:
    assert far.address_of(address).endswith("/x")
    with pytest.raises(EtymonError, match="from a store") as told:
        list(read([address]))
    assert "geheim" not in f"{told.value}"
    request = Request(paths=(address,), budget=Budget.parse("1s"), name="x")
    assert "geheim" not in f"{request.command}{request.account}{request.texts}{name_from([address])}"


def test_an_address_with_a_space_is_refused_without_its_secret(store: Store) -> None:
    with pytest.raises(EtymonError, match="holds a space") as told:
        build(store, ["https://example.org/x?k=a geheim"])
    assert "geheim" not in f"{told.value}" and told.value.where == "https://example.org/x"


# Redirects


def test_a_redirect_is_followed(store: Store, other: Store, folder: Folder, web: WebServer) -> None:
    web.moved["/b/text.jsonl"] = f"{web.url}/a/text.jsonl?signature=1"
    web.cut = lambda number, method: 5_000 if number == 3 else None
    made = build(store, [f"{web.url}/b/text.jsonl"])
    assert same(made, local(other, folder, web.files["/a/text.jsonl"]))


def test_a_redirect_of_a_public_server_to_a_private_address_is_refused(
    store: Store, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name stands for the public server, the real one on this machine for what is behind it."""
    web.moved["/b/text.jsonl"] = f"{web.url}/a/text.jsonl"
    real = redirects.is_private

    def told_public(host: str) -> bool:
        return host != "localhost" and real(host)

    monkeypatch.setattr(redirects, "is_private", told_public)
    with pytest.raises(EtymonError, match="redirect is not followed") as told:
        build(store, [f"http://localhost:{web.server_port}/b/text.jsonl"])
    assert "127.0.0.1 is an address of this machine" in told.value.why
    assert all("/a/" not in path for _, path in web.seen) and store.artifacts() == []


def test_a_redirect_to_what_is_no_web_server_is_refused(store: Store, web: WebServer) -> None:
    web.moved["/b/text.jsonl"] = "ftp://127.0.0.1/a/text.jsonl?geheim"
    with pytest.raises(EtymonError, match="redirect is not followed") as told:
        build(store, [f"{web.url}/b/text.jsonl?geheim"])
    assert told.value.why == "ftp:// is no web server" and "geheim" not in f"{told.value}{told.value.where}"


def test_a_redirect_does_not_leave_an_encrypted_connection() -> None:
    def redirected(before: str, after: str) -> None:
        redirects.Redirects().redirect_request(WebRequest(before), io.BytesIO(), 302, "Found", HTTPMessage(), after)

    redirected("https://127.0.0.1/a", "https://127.0.0.1/b")
    redirected("http://127.0.0.1/a", "https://127.0.0.1/b")
    with pytest.raises(EtymonError, match="not followed") as told:
        redirected("https://127.0.0.1/a", "http://127.0.0.1/b")
    assert told.value.why == "it leaves the encrypted connection"


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("169.254.169.254", True),
        ("10.0.0.1", True),
        ("::1", True),
        ("fe80::1", True),
        ("::ffff:10.0.0.1", True),
        ("1.1.1.1", False),
        ("2606:4700::1111", False),
    ],
)
def test_private_addresses_are_told_apart(host: str, private: bool) -> None:
    assert redirects.is_private(host) is private


def test_the_command_takes_an_address(tmp_path: Path, web: WebServer, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--store", str(tmp_path / "s"), "--json"]
    assert main(["corpus", "build", f"{web.url}/a/text.jsonl", *words]) == 0
    assert json.loads(capsys.readouterr().out)["documents"]["in"] == 40
    assert main(["corpus", "build", f"{web.url}/a/nothing.jsonl", *words]) != 0
    assert "There is no such file" in capsys.readouterr().err


# Other addresses


def test_addresses_that_cannot_be_read_say_so(store: Store) -> None:
    with pytest.raises(EtymonError, match=r"ftp:// cannot be read"):
        build(store, ["ftp://example.org/a"])
    with pytest.raises(EtymonError, match="password in an address") as told:
        build(store, ["https://me:geheim@example.org/a"])
    assert "geheim" not in str(told.value)
    with pytest.raises(EtymonError, match="from a store"):
        list(read(["https://example.org/a.txt"]))


@pytest.mark.parametrize("scheme", ["file", "FILE", "File"])
def test_a_file_url_is_a_path(store: Store, other: Store, folder: Folder, scheme: str) -> None:
    root = folder({"text with space.jsonl": sentences(1)})
    assert same(build(store, [f"{scheme}://{root}/text%20with%20space.jsonl"]), build(other, [str(root)]))


FILES: dict[str, str | bytes] = {
    "a.jsonl": sentences(1, 10),
    "b/c.jsonl": sentences(2, 10),
    "b.jsonl": sentences(3, 10),
    "b/.hidden/x.txt": "not to be read",
    "node_modules/y.txt": "not to be read",
    ".z.txt": "not to be read",
}


def test_a_folder_of_a_bucket_is_read_like_a_folder_here(store: Store, other: Store, folder: Folder) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.store.clear()
    for name, data in FILES.items():
        memory.pipe_file(f"/bucket/texts/{name}", data if isinstance(data, bytes) else data.encode())
    try:
        made = build(store, ["memory://bucket/texts"])
        twice = build(store, ["memory://bucket/texts", "memory://bucket/texts/a.jsonl"])
        with pytest.raises(EtymonError, match="no such file"):
            build(store, ["memory://bucket/nothing"])
    finally:
        memory.store.clear()
    assert same(made, build(other, [str(folder(FILES))]))
    assert twice.id == made.id


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    if find_spec("s3fs") is None and os.environ.get("CI") != "true":
        pytest.skip("s3fs is not installed (the extra s3)")
    monkeypatch.setattr(far, "PIECE", 2_000)
    with serving("crawl") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for name, data in FILES.items():
            server.objects[f"crawl/texts/{name}"] = data if isinstance(data, bytes) else data.encode()
        yield server


@pytest.mark.ci
def test_a_bucket_that_breaks_and_is_busy_gives_the_same_corpus(
    store: Store, other: Store, folder: Folder, s3: S3Server
) -> None:
    ways = ("busy", "cut within", "cut before", "cut after")
    s3.fault = lambda number, method, key: None if number % 9 else ways[number // 9 % len(ways)]
    s3.page = 2
    assert same(build(store, ["s3://crawl/texts"]), build(other, [str(folder(FILES))]))


@pytest.mark.ci
def test_a_bucket_that_breaks_for_good_is_one_error(
    store: Store, other: Store, folder: Folder, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "PATIENCE", 0.5)
    s3.fault = lambda number, method, key: "cut within" if key.endswith("b.jsonl") and method == "GET" else None
    with pytest.raises(NetworkFault, match="cannot be read") as told:
        build(store, ["s3://crawl/texts"])
    assert told.value.where == "s3://crawl/texts/b.jsonl"
    assert {each.kind for each in store.artifacts()} == {"download"}
    s3.fault = lambda number, method, key: None
    assert same(build(store, ["s3://crawl/texts"]), build(other, [str(folder(FILES))]))
    with pytest.raises(EtymonError, match="no such file"):
        build(store, ["s3://crawl/text"])


@pytest.mark.ci
def test_an_object_that_is_replaced_on_the_way_is_one_error(store: Store, s3: S3Server) -> None:
    def replace(number: int, method: str, key: str) -> None:
        if method == "GET" and key.endswith("a.jsonl"):
            s3.objects["crawl/texts/a.jsonl"] = FILES["a.jsonl"].replace(b"river", b"rivet")  # type: ignore[union-attr]

    s3.fault = replace
    with pytest.raises(EtymonError, match="changed while it was being read"):
        build(store, ["s3://crawl/texts/a.jsonl"])
    assert store.artifacts() == []
