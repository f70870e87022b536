"""Export and import of a state as one JSON document."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from indexer.state import StateDatabase
from search.errors import InvalidValue
from search.papers.json import Json
from search.papers.paper import Paper
from service.state.lists import ListEntry, Lists, make_reference
from service.state.names import parse_name, parse_note
from service.state.profiles import Profile
from service.state.searches import SavedSearch

FORMAT_VERSION = 1
"""Version of the document."""
_PAPER_FIELDS: dict[str, type] = {
    "id": str, "ids": list, "title": str, "authors": list, "authors_partial": bool, "published": str, "url": str
}  # fmt: skip
"""Fields of ``Paper.to_json`` that a list stores."""


def export_state(state: StateDatabase) -> dict[str, Json]:
    """Returns everything in a state; ``import_state`` reads it back.

    The document has the addresses of feeds, so it is as private as the state itself.
    """
    with state.read() as database:
        sql = (
            "SELECT profile, name, token_sha256, title, created FROM profiles ORDER BY name IS NULL, name, token_sha256"
        )
        profiles: list[Json] = [_export_profile(database, *row) for row in database.execute(sql).fetchall()]
        sql = "SELECT source, options, added, last_update, last_outcome FROM followed_sources ORDER BY source, options"
        sources: list[Json] = [
            {
                "source": source,
                "options": json.loads(options),
                "added": added,
                "last_update": at,
                "last_outcome": outcome,
            }
            for source, options, added, at, outcome in database.execute(sql)
        ]
    return {"papers_state": FORMAT_VERSION, "profiles": profiles, "followed_sources": sources}


def import_state(state: StateDatabase, document: object) -> None:
    """Adds everything in a document that a state lacks; what the state has stays as it is.

    Raises:
        InvalidValue: the document is no export, or part of it is invalid; the state is unchanged then.
    """
    if not isinstance(document, dict) or document.get("papers_state") != FORMAT_VERSION:
        raise InvalidValue("file", _shorten(document), "it is no export; papers state export writes one")
    try:
        with state.write() as database:
            for each in document["profiles"]:
                _import_profile(state, database, each)
            for each in document["followed_sources"]:
                _import_source(database, each)
    except (KeyError, TypeError, ValueError, AttributeError, sqlite3.IntegrityError) as error:
        raise InvalidValue("file", _shorten(error), "the export has been changed; nothing was imported") from error


def _export_profile(
    database: sqlite3.Connection, row: int, name: str | None, token_sha256: str | None, title: str, created: str
) -> dict[str, Json]:
    lists = database.execute("SELECT list, name, created FROM lists WHERE profile = ? ORDER BY name", [row]).fetchall()
    sql = """SELECT name, search, created, read_added, read_generation, feed_token FROM watches
             WHERE profile = ? ORDER BY name"""
    watches: list[Json] = [
        {"name": watch, "search": json.loads(search), "created": at, "read": [added, generation], "feed_token": token}
        for watch, search, at, added, generation, token in database.execute(sql, [row])
    ]
    exported: list[Json] = [
        {"name": each, "created": at, "papers": _export_papers(database, number)} for number, each, at in lists
    ]
    sql = "SELECT relation, paper, other, stated FROM person_statements WHERE profile = ? ORDER BY statement"
    statements: list[Json] = [
        {"relation": relation, "paper": paper, "other": other, "stated": at}
        for relation, paper, other, at in database.execute(sql, [row])
    ]
    return {
        "name": name,
        "token_sha256": token_sha256,
        "title": title,
        "created": created,
        "lists": exported,
        "watches": watches,
        "person_statements": statements,
    }


def _export_papers(database: sqlite3.Connection, row: int) -> list[Json]:
    sql = "SELECT record, note, saved FROM list_papers WHERE list = ? ORDER BY paper"
    return [
        {**json.loads(record), "note": note, "saved": saved} for record, note, saved in database.execute(sql, [row])
    ]


def _import_profile(state: StateDatabase, database: sqlite3.Connection, content: Mapping[str, Any]) -> None:
    name, token_sha256 = content["name"], content["token_sha256"]
    if (name is None) == (token_sha256 is None):
        raise ValueError("a profile needs a name or a token")
    profile = Profile.of_name(_text(name)) if name is not None else Profile(token_sha256=_text(token_sha256))
    is_new = profile.find(database) is None
    row = profile.find_or_create(database)
    if is_new:
        values = [_text(content["title"]), _text(content["created"]), row]
        database.execute("UPDATE profiles SET title = ?, created = ? WHERE profile = ?", values)
    for each in content["lists"]:
        entries = [_read_entry(paper) for paper in each["papers"]]
        is_new = not _has_name(database, "lists", row, each["name"])
        Lists(state, profile).insert_entries(database, _text(each["name"]), entries)
        if is_new:
            values = [_text(each["created"]), row, parse_name(each["name"])]
            database.execute("UPDATE lists SET created = ? WHERE profile = ? AND name = ?", values)
    for each in content["watches"]:
        _import_watch(database, row, each)
    for each in content.get("person_statements", ()):  # documents of earlier versions have none
        values = [row, *(_text(each[name]) for name in ("relation", "paper", "other", "stated"))]
        sql = """INSERT INTO person_statements (profile, relation, paper, other, stated) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO NOTHING"""
        database.execute(sql, values)


def _import_watch(database: sqlite3.Connection, row: int, content: Mapping[str, Any]) -> None:
    added, generation = content["read"]
    search = json.dumps(SavedSearch.from_json(content["search"]).to_json(), ensure_ascii=False)
    token = content["feed_token"]
    sql = """INSERT INTO watches (profile, name, search, created, read_added, read_generation, feed_token)
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
    values = [row, parse_name(_text(content["name"])), search, _text(content["created"]), int(added), _text(generation)]
    database.execute(sql, [*values, None if token is None else _text(token)])


def _import_source(database: sqlite3.Connection, content: Mapping[str, Any]) -> None:
    options = content["options"]
    if not isinstance(options, dict):
        raise TypeError("options are no object")
    values = [_text(content["source"]), json.dumps(options, sort_keys=True), _text(content["added"])]
    last = [None if content[name] is None else _text(content[name]) for name in ("last_update", "last_outcome")]
    database.execute("INSERT INTO followed_sources VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", [*values, *last])


def _read_entry(content: Mapping[str, Any]) -> ListEntry:
    fields = {name: content[name] for name in _PAPER_FIELDS if name in content}
    for name, value in fields.items():
        if type(value) is not _PAPER_FIELDS[name] or (isinstance(value, list) and not all(map(_text, value))):
            raise TypeError(f"{name} has another type")
    paper = Paper.from_json(fields)
    return ListEntry(make_reference(paper), parse_note(_text(content["note"])), _text(content["saved"]))


def _has_name(database: sqlite3.Connection, table: str, row: int, name: str) -> bool:
    sql = f"SELECT count(*) FROM {table} WHERE profile = ? AND name = ?"  # noqa: S608  # a constant
    return bool(database.execute(sql, [row, parse_name(name)]).fetchone()[0])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _shorten(value: object) -> str:
    return str(value)[:200]
