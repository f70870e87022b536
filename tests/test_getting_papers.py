"""docs/getting-papers.md: its commands run, against local services and small files in the formats that it names."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvest.arxiv_service import ArxivApi
from harvest.corpus import make_corpus
from harvest.oai_service import OaiRepository
from harvest.servers import ServiceServer, run_server
from sample import ROOT
from test_docs import run_line

PAGE = (ROOT / "docs" / "getting-papers.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(papers .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
KNOWN = ("papers fetch arxiv", "papers fetch oai", "papers follow", "papers update", "papers index")


@pytest.fixture(scope="module")
def server() -> Iterator[ServiceServer]:
    with run_server() as running:
        corpus = make_corpus(20)
        running.services |= {"/oai": OaiRepository(corpus), "/api/query": ArxivApi(corpus)}
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with small files under the names of the large ones."""
    snapshot = {"id": "2401.00001", "title": "On lattices", "abstract": "We show lattices.", "categories": "cs.IR"}
    snapshot |= {"submitter": "A", "authors_parsed": [["Byron", "Ada", ""]], "update_date": "2024-01-02"}
    snapshot["versions"] = [{"version": "v1", "created": "Mon, 1 Jan 2024 10:00:00 GMT"}]
    (tmp_path / "arxiv-metadata-oai-snapshot.json").write_text(json.dumps(snapshot) + "\n")
    work = {"id": "https://openalex.org/W1", "title": "On works", "publication_date": "2025-03-04", "authorships": []}
    (tmp_path / "works" / "updated_date=2026-01-15").mkdir(parents=True)
    with gzip.open(tmp_path / "works" / "updated_date=2026-01-15" / "part_0000.gz", "wt") as file:
        file.write(json.dumps(work) + "\n")
    for name, record in (("papers", {"title": "On sets"}), ("abstracts", {"abstract": "We show sets."})):
        (tmp_path / "s2" / name).mkdir(parents=True)
        (tmp_path / "s2" / name / "0.jsonl").write_text(json.dumps({"corpusid": 7, **record}) + "\n")
    (tmp_path / "zotero.bib").write_text("@misc{a,\n title = {A paper about summaries}\n}\n")
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "one.txt").write_text("Abstract: A bare paragraph without any title.\n")
    return tmp_path


def test_the_commands_run(home: Path, server: ServiceServer) -> None:
    lines = [line for block in BLOCKS for line in block.splitlines() if line.startswith(KNOWN)]
    assert len(lines) >= 10
    settings = {
        "PAPERS_INDEX": str(home / "index"),
        "PAPERS_ARXIV_OAI_URL": f"{server.url}/oai",
        "PAPERS_ARXIV_API_URL": f"{server.url}/api/query",
    }
    printed = ""
    for line in lines:
        done = run_line(line.replace("https://zenodo.org/oai2d", f"{server.url}/oai"), home, home, **settings)
        assert done.returncode == 0, (line, done.stderr)
        printed += done.stdout
    assert "15 records; fetching takes" in printed
    assert "arxiv?category=cs.IR&from=2026-01: nothing new" in printed
    assert f"{home / 'pages'}: 1 new" in printed
