"""Files that are larger than any real one, endless or no files: each costs itself or one record, and no memory."""

import lzma
import os
import re
import socket
import subprocess
import sys
import time
import zlib
from datetime import date
from pathlib import Path

import pytest
import zstandard

from fake_embedder import FakeEmbedder
from indexer import sources
from indexer.build import MAX_KEPT_MESSAGES, ImportOptions, index
from indexer.sources.file import SourceFile
from indexer.sources.limits import MAX_RECORD_CHARACTERS, MIN_RATIO_BYTES
from records import make_records, write_records
from sample import ROOT
from search.errors import SourceError
from search.papers.paper import Paper
from source_mutations import JSON_LINE, SAMPLES
from source_samples import ATOM, BIBTEX, CSL, NBIB, PAGE, PUBMED, RIS, S2, SNAPSHOT, WriteSource, read

LONG = "a" * (MAX_RECORD_CHARACTERS + 1)
OVERSIZED_RECORDS = {
    "a line": ("jsonl", '{"title": "' + LONG + '"}\n', JSON_LINE),
    "a snapshot": ("arxiv-snapshot", '{"id": "' + LONG + '"}\n', SNAPSHOT),
    "a paper of Semantic Scholar": ("semantic-scholar", '{"paperId": "' + LONG + '"}\n', S2),
    "an item": ("csl-json", '{"type": "' + LONG + '"}\n', CSL.strip("[]\n ").split("\n\n")[0].strip().strip(",")),
    "a field": ("bibtex", "@misc{a, title = {" + LONG + "}}\n", BIBTEX),
    "fields": ("bibtex", "@misc{a, title = {A},\n" + ("note = {" + "long " * 200 + "},\n") * 17_000 + "}\n", BIBTEX),
    "an abstract": ("ris", "TY  - JOUR\nAB  - " + LONG + "\nER  - \n", RIS),
    "the lines of an abstract": ("ris", "TY  - JOUR\nAB  - a\n" + ("word " * 200 + "\n") * 17_000 + "ER  - \n", RIS),
    "a title": ("nbib", "PMID- 7\nTI  - " + LONG + "\n", NBIB),
    "the lines of a title": ("nbib", "PMID- 7\nTI  - a\n" + ("      " + "word " * 200 + "\n") * 17_000, NBIB),
    "the lines of a row": ("csv", "title,url\n" + ('"' + "word " * 200 + '\n",') * 17_000 + "\n", "Second,x\n"),
    "a paragraph": ("author-page", "97.1IRJun 4\n\n" + LONG + "\n\n", PAGE),
}
"""By what is too long: the format, the record, and valid ones."""
ENDLESS = {
    "jsonl": ('{"id": "x", "title": "b", "abstract": "', "a", JSON_LINE),
    "bibtex": ("@misc{a, title = {", "words " * 200 + "\n", BIBTEX),
    "csl-json": (',{"title":"', "a", CSL.rstrip("\n ]")),
    "pubmed": ("", "<paragraph>some words</paragraph>", PUBMED.removesuffix("</PubmedArticleSet>")),
}
"""By format: the start of an endless record, its repeated text, and the valid records before it."""
MAX_RESIDENT_KIB = 600 * 1024
"""Memory of an import of these files; the largest takes about 250 MB, and read as a whole it would take 1.4 GB."""


@pytest.mark.parametrize("name", OVERSIZED_RECORDS)
def test_an_oversized_record_does_not_affect_others(write_source: WriteSource, name: str) -> None:
    format_, record, valid = OVERSIZED_RECORDS[name]
    found = read(write_source("file", record + valid), format_)
    errors = [each for each in found if isinstance(each, SourceError)]
    assert "longer than 16,777,216 characters" in errors[0].reason
    assert errors[0].line == (2 if format_ == "csv" else 1)
    assert isinstance(found[-1], Paper)


@pytest.mark.parametrize(
    ("format_", "start", "line"),
    [("ris", "TY  - JOUR\nAB  - a\n", "word\n"), ("nbib", "PMID- 7\nAB  - a\n", "      word\n")],
)
def test_many_lines_of_a_value_are_joined_in_linear_time(
    write_source: WriteSource, format_: str, start: str, line: str
) -> None:
    (error,) = read(write_source("file", start + line * 300_000), format_)
    assert "the abstract has 1,500,001 characters" in str(error)


SPACES = " " * 300_000
LONG_RUNS = {
    "spaces in authors": ("jsonl", '{"title": "A", "authors": "Ada' + SPACES + 'Byron"}\n'),
    "spaces in a listing": ("author-page", f"97.1IRJun 4\n\nA\n\nAda{SPACES}Byron\n\nAn abstract.\n"),
    "open mathematics": ("bibtex", "@misc{a,\n title = {A},\n note = {b},\n comment = {" + r"\(" * 150_000 + "}}\n"),
    "empty lines": ("bibtex", "\n" * 300_000 + "@misc{a,\n title = {A}}\n"),
}
"""By what is repeated: texts for which a careless regular expression takes quadratic time, that is, minutes."""


@pytest.mark.parametrize("name", LONG_RUNS)
def test_long_runs_are_read_in_linear_time(write_source: WriteSource, name: str) -> None:
    format_, content = LONG_RUNS[name]
    path = write_source("file", content)
    (paper,) = read(path, format_)
    assert isinstance(paper, Paper)
    assert paper.title == "A"
    read(path)


def write_endless(path: Path, format_: str) -> None:
    start, repeated, valid = ENDLESS[format_]
    with path.open("wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file) as stream:
        stream.write((valid + start).encode())
        stream.write((repeated * (MIN_RATIO_BYTES // len(repeated) + 2**16)).encode())


def test_endless_records_cost_neither_memory_nor_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for format_ in ENDLESS:
        write_endless(folder / f"{format_}.zst", format_)
    write_records(folder / "good.jsonl", make_records(0, 5))
    script = """
import re, sys
from pathlib import Path
from fake_embedder import FakeEmbedder
from indexer.build import index
report = index([Path(sys.argv[1])], Path(sys.argv[2]), FakeEmbedder())
(peak,) = re.findall(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
print(report.papers, peak, *report.skipped, sep="\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(tmp_path / "index")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    papers, resident_kib, *skipped = done.stdout.splitlines()
    assert int(papers) > 5
    assert int(resident_kib) < MAX_RESIDENT_KIB
    for format_ in ENDLESS:
        assert any(f"{format_}.zst" in line for line in skipped), format_
    assert any("decompresses to more than 200 times its size" in line for line in skipped)


def test_an_xz_file_cannot_demand_gigabytes(write_source: WriteSource) -> None:
    content = bytearray(lzma.compress(JSON_LINE.encode(), check=lzma.CHECK_NONE))
    block = content[12:24]  # the header of the first block: size, flags, filter 0x21, size of properties, dictionary
    assert block[2:4] == b"\x21\x01"
    block[4] = 38  # a dictionary of 2 GiB
    block[8:12] = zlib.crc32(block[:8]).to_bytes(4, "little")
    content[12:24] = block
    (error,) = read(write_source("a.xz", bytes(content)))
    assert isinstance(error, SourceError)
    assert "Memory usage limit exceeded" in error.reason


def test_a_small_file_may_repeat_itself(write_source: WriteSource) -> None:
    found = read(write_source("a.jsonl.zst", zstandard.compress(JSON_LINE.encode() * 10_000)))
    assert all(isinstance(each, Paper) for each in found)
    assert len(found) == 10_000


def test_pipes_sockets_and_devices_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is limited to 107 bytes
    folder = Path("files")
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("files/socket")
        write_records(folder / "good.jsonl", make_records(0, 5))
        for paths in ([folder], sorted(folder.iterdir())):
            report = index(paths, tmp_path / "index", FakeEmbedder())
            assert report.papers == 5
            assert [(error.path, error.reason.partition(";")[0]) for error in report.skipped] == [
                ("files/pipe", "is a pipe"),
                ("files/socket", "is a socket"),
                ("files/zero", "is a device"),
            ]


def test_a_format_does_not_make_a_device_a_file() -> None:
    (error,) = sources.read(SourceFile(Path("/dev/zero"), date(2026, 6, 15), "jsonl"))
    assert isinstance(error, SourceError)


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    for name in ("files/a", "files/b", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"{Path(name).name}.ris").write_text(RIS)
    for link, target in (("a/loop", ".."), ("a/b", "../b"), ("b/a", "../a"), ("e", "../elsewhere")):
        (tmp_path / "files" / link).symlink_to(target)
    found = sources.discover([tmp_path / "files"])
    assert [path.name for path in found] == ["a.ris", "b.ris", "elsewhere.ris"]


def test_messages_of_skipped_records_are_limited(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("x\n" * (MAX_KEPT_MESSAGES + 50) + JSON_LINE)
    report = index([tmp_path / "bad.jsonl"], tmp_path / "index", FakeEmbedder(), options=ImportOptions("jsonl"))
    assert (len(report.skipped), report.skipped_count) == (MAX_KEPT_MESSAGES, MAX_KEPT_MESSAGES + 50)
    assert report.papers == 1


@pytest.mark.parametrize("format_", ["arxiv-atom", "pubmed", "acl", "mods", "endnote-xml"])
def test_records_within_records_are_read_in_linear_time(write_source: WriteSource, format_: str) -> None:
    name = {"arxiv-atom": "entry", "pubmed": "PubmedArticle", "acl": "paper", "mods": "mods"}.get(format_, "record")
    sample = SAMPLES[format_]
    head = sample[: re.search(rf"<{name}\b", sample).start()]  # type: ignore[union-attr]
    path = write_source("file", head + f"<{name}>" * (20_000 // len(name)))
    started = time.process_time()
    errors = read(path, format_)
    assert time.process_time() - started < 2
    assert "the rest is not read" in str(errors[-1])


def test_many_short_malformed_records_are_all_reported(write_source: WriteSource) -> None:
    entry = ATOM[ATOM.index("<entry>") : ATOM.index("</feed>")]
    head = ATOM[: ATOM.index("<entry>")]
    found = read(write_source("feed.xml", head + "<entry><title>A</entry>\n" * 2_000 + entry + "</feed>"))
    assert len(found) == 2_001
    assert isinstance(found[-1], Paper)
