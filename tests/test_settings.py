"""Settings: their environment variables, their errors and their table in docs/settings.md."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from search.errors import InvalidValue
from search.milvus.address import Address
from service.settings import Settings

SETTINGS_TABLE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text("utf-8")

HARVEST_SETTINGS = {
    "PAPERS_CONTACT",
    "PAPERS_ARXIV_OAI_URL",
    "PAPERS_ARXIV_API_URL",
    *(f"PAPERS_{name}_KEY" for name in ("OPENALEX", "NCBI", "S2", "ZOTERO")),
    *(f"PAPERS_{name}_URL" for name in ("OPENALEX", "CROSSREF", "PUBMED", "S2", "ZOTERO", "ZOTERO_LOCAL")),
}
MILVUS_SETTINGS = {"PAPERS_MILVUS_TOKEN", "PAPERS_MILVUS_TLS", "PAPERS_MILVUS_INDEX"}


def test_the_table_has_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `(PAPERS_\w+)` \| (.*?) \| (.*) \|$", SETTINGS_TABLE, re.MULTILINE)
    documented = {name: (default, meaning) for name, default, meaning in rows}
    assert len(documented) == len(rows)
    elsewhere = {"PAPERS_INDEX", "PAPERS_CACHE", "PAPERS_CORES", "PAPERS_PROFILE", *HARVEST_SETTINGS, *MILVUS_SETTINGS}
    assert set(documented) == {f"PAPERS_{name.upper()}" for name in Settings.model_fields} | elsewhere
    for name, field in Settings.model_fields.items():
        assert field.default is not PydanticUndefined
        default, meaning = documented[f"PAPERS_{name.upper()}"]
        written = "" if field.default in (None, ()) else f"`{str(field.default).lower()}`"
        assert default == written, name
        assert meaning == field.description, name


def test_options_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_HOSTS", " papers.example.org, lab ,")
    monkeypatch.setenv("PAPERS_PORT", "81")
    monkeypatch.setenv("PAPERS_WORKERS", "3")
    read = Settings.from_environment(port=82, workers=None)
    assert (read.hosts, read.port, read.workers) == (("papers.example.org", "lab"), 82, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "99999"),
        ("WORKERS", "0"),
        ("QUEUE", "-1"),
        ("RATE", "nan"),
        ("RATE", "inf"),
        ("HEAD_SECONDS", "0"),
        ("MAX_BODY", "1e9"),
        ("LOG", "perhaps"),
        ("PROXIES", "proxy.example.org"),
    ],
)
def test_an_invalid_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PAPERS_{name}", value)
    with pytest.raises(InvalidValue, match=f"PAPERS_{name}") as raised:
        Settings.from_environment()
    assert raised.value.field == f"PAPERS_{name}"


def test_an_invalid_option_is_named_as_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPERS_RATE", "1")
    with pytest.raises(InvalidValue, match="invalid rate 'nan'"):
        Settings.from_environment(rate=float("nan"), port=None)


def test_a_milvus_server_has_the_index_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    server, lite = Address.parse("milvus://localhost:19530/papers"), Address.parse("milvus:///papers.db/papers")
    monkeypatch.delenv("PAPERS_MILVUS_INDEX", raising=False)
    assert server.dialect.vector_index == "HNSW_SQ"
    monkeypatch.setenv("PAPERS_MILVUS_INDEX", "DISKANN")
    assert (server.dialect.vector_index, lite.dialect.vector_index) == ("DISKANN", "FLAT")
    monkeypatch.setenv("PAPERS_MILVUS_INDEX", "LITE")
    assert (server.dialect.vector_index, server.dialect.keys) == (lite.dialect.vector_index, lite.dialect.keys)
    monkeypatch.setenv("PAPERS_MILVUS_INDEX", "diskann")
    with pytest.raises(InvalidValue, match=r"invalid PAPERS_MILVUS_INDEX 'diskann': .*HNSW_SQ, DISKANN, LITE"):
        _ = server.dialect
