"""Commands in docs/getting-papers.md and --help for services over works are understood, and errors are one line."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli_call import run
from harvest.servers import ServiceServer
from harvest.works import make_works
from harvest.works_services import MOUNTS, mount
from sample import ROOT
from service.commands.fetch import fetch

SERVICES = "openalex|crossref|pubmed|s2|zotero"
PAGE = (ROOT / "docs" / "getting-papers.md").read_text("utf-8")
HELP = "\n".join(str(command.help) for command in (fetch, *fetch.commands.values()))
COMMANDS = sorted(set(re.findall(rf"^ *papers fetch ((?:{SERVICES})\b[^#\n]*)", f"{PAGE}\n{HELP}", re.MULTILINE)))


@pytest.fixture
def services(server: ServiceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All services, with their settings."""
    for key in MOUNTS:
        mount(key, server, make_works(4), monkeypatch)
    for path in ("/groups/4567/items/top", "/users/475425/items/top"):
        server.services[path] = server.services["/users/475425/items/top"]
    monkeypatch.setenv("PAPERS_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("PAPERS_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("services")
def test_documented_commands_are_understood() -> None:
    assert len(COMMANDS) >= 14
    for command in COMMANDS:
        done = CliRunner().invoke(fetch, [*shlex.split(command), "--dry-run"])
        assert done.exit_code == 0, (command, done.output, done.exception)
        planned = re.search(r": (no|\d+) records(; fetching takes \d:\d\d:\d\d or longer.*)?\n$", done.output)
        assert planned, (command, done.output)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("openalex",), 2, "papers: invalid QUERY '': give a text, a filter or a date"),
        (("openalex", "x", "--filter", "article"), 2, "papers: invalid --filter 'article': give a field and a value"),
        (("crossref", "--issn", "12"), 2, "papers: invalid --issn '12': give the eight characters of an ISSN"),
        (("s2", "x"), 2, "papers: invalid PAPERS_S2_KEY '': request a key, which is free, at https://www.semantic"),
        (("zotero", "--library", "me"), 2, "papers: invalid --library 'me': give users/NUMBER or groups/NUMBER"),
        (("openalex", "colour:red"), 1, 'works: it answered 400: "colour is not a valid field."'),
    ],
)
@pytest.mark.usefixtures("services")
def test_errors_are_one_line(
    arguments: tuple[str, ...], status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAPERS_S2_KEY")
    done = run("fetch", *arguments, "--dry-run")
    assert done.returncode == status
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
