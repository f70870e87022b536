"""Watches: saved searches, each with the position up to which its new papers were read.

The index gives all papers that are published together one time, later than every time before. A position is the last
time of the generation that answered, so a paper that is published between reading and marking is later than it: it is
never lost and never shown twice.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from indexer.state import StateDatabase, utc_now
from search.errors import InvalidValue, NameNotFound, PaperNotFound
from search.papers.json import Json
from search.query.hit import Hit
from search.query.page import Page
from search.query.query import MAX_EXAMPLES, MAX_LIMIT, Query
from search.session import Session
from service.state.lists import Lists
from service.state.names import parse_name
from service.state.profiles import Profile, make_token
from service.state.searches import SavedSearch

MAX_WATCHES = 200
"""Most saved searches of a profile."""
_COLUMNS = "name, search, created, read_added, read_generation, feed_token"


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where the papers of an index were read.

    Attributes:
        added: the time at which the last of them became part of the index, in seconds since 1970 (UTC).
        generation: the generation that was read.
    """

    added: int
    generation: str

    @classmethod
    def of(cls, session: Session) -> Self:
        """Returns the position after all papers of a session's generation."""
        return cls(session.snapshot.newest_added, session.generation)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the output of ``str``.

        Raises:
            InvalidValue: it is malformed.
        """
        added, _, generation = text.partition("/")
        if not (added.isascii() and added.isdigit() and len(added) <= 12 and generation.isprintable()):
            raise InvalidValue("position", text, "pass the position exactly as returned")
        return cls(int(added), generation)

    def at_most(self, last: "Position") -> "Position":
        """Returns the earlier of two positions; one later than all papers would hide those that are added next."""
        return self if self.added <= last.added else last

    def __str__(self) -> str:
        return f"{self.added}/{self.generation}"


@dataclass(frozen=True, slots=True)
class Watch:
    """A saved search.

    Attributes:
        name: its name.
        search: the search.
        created: when it was saved, in UTC.
        read: up to where its new papers were read.
        feed_token: the unguessable part of the address of its feed; None if it has no feed.
    """

    name: str
    search: SavedSearch
    created: str
    read: Position
    feed_token: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """The papers that were added since a saved search was last read.

    Attributes:
        watch: the saved search.
        page: all of them, the last added first.
        position: what to mark as read after they were shown.
    """

    watch: Watch
    page: Page
    position: Position

    def to_json(self) -> dict[str, Json]:
        """Returns the saved search without its papers as a JSON object."""
        return {
            "name": self.watch.name,
            "search": self.watch.search.to_json(),
            "unread": len(self.page),
            "position": str(self.position),
        }


class Watches:
    """The saved searches of one profile.

    Args:
        state: where they are stored.
        profile: whose searches they are.
    """

    def __init__(self, state: StateDatabase, profile: Profile) -> None:
        self._state, self._profile = state, profile
        self._lists = Lists(state, profile)

    def all(self) -> tuple[Watch, ...]:
        """Returns all saved searches in alphabetical order."""
        sql = f"SELECT {_COLUMNS} FROM watches WHERE profile = ? ORDER BY name COLLATE NOCASE, name"  # noqa: S608
        with self._state.read() as database:
            rows = database.execute(sql, [self._profile.find(database)]).fetchall()
        return tuple(map(_read_watch, rows))

    def get(self, name: str) -> Watch:
        """Returns a saved search.

        Raises:
            NameNotFound: there is none of this name.
        """
        name = parse_name(name)
        found = next((watch for watch in self.all() if watch.name == name), None)
        if found is None:
            raise NameNotFound("saved search", name, [watch.name for watch in self.all()])
        return found

    def add(self, name: str, search: SavedSearch, session: Session) -> Page:
        """Saves a search, all of whose present papers count as read; returns a page of these.

        A text that is the ID of a paper becomes an example (``like``). Other searches are saved as they are; if nothing
        is close to one, ``answered_query`` of the page is a query that would find papers.

        Args:
            name: a name that no saved search has.
            search: the search.
            session: the index, which has to answer the search.

        Raises:
            InvalidValue: the name is taken, the search is invalid, or there are too many.
        """
        name, search, read = parse_name(name), _name_paper_as_example(search, session), Position.of(session)
        query = self._query(search, session)
        page = session.ask(search.text, query)
        if not page.has_close_match:
            other = session.ask(search.text, replace(query, verbatim=False))
            page = replace(page, answered_query=other.answered_query)
        with self._state.write() as database:
            owner = self._profile.find_or_create(database)
            taken = [row[0] for row in database.execute("SELECT name FROM watches WHERE profile = ?", [owner])]
            if name in taken:
                raise InvalidValue("name", name, "a saved search has this name; remove it first, or use another name")
            if len(taken) >= MAX_WATCHES:
                raise InvalidValue(
                    "name", name, f"there are {MAX_WATCHES} saved searches, the most allowed; remove one"
                )
            sql = f"INSERT INTO watches (profile, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL)"  # noqa: S608
            content = json.dumps(search.to_json(), ensure_ascii=False)
            database.execute(sql, [owner, name, content, utc_now(), read.added, read.generation])
        return page

    def remove(self, name: str) -> None:
        """Deletes a saved search and its feed.

        Raises:
            NameNotFound: there is none of this name.
        """
        self._change(name, "DELETE FROM watches")

    def unread(self, name: str, session: Session) -> Unread:
        """Returns all papers closest to a saved search that were added since it was last read.

        Raises:
            NameNotFound: there is no such saved search, or no such list.
            PapersError: the index cannot answer the search any more.
        """
        watch = self.get(name)
        query = self._added_since(watch, session)
        pages = [session.ask(watch.search.text, query)]
        while pages[-1].cursor:
            pages.append(session.ask(watch.search.text, replace(query, cursor=pages[-1].cursor)))
        hits = self._without_listed(watch.search, [hit for page in pages for hit in page.hits])
        page = replace(
            pages[0], hits=hits, total=len(hits), total_estimated=False, cursor=None, parts=(), refinements=()
        )
        return Unread(watch, page, Position.of(session))

    def count_unread(self, name: str, session: Session) -> int:
        """Returns the number of papers of ``unread``; without a search if no paper was added since."""
        watch = self.get(name)
        if Position.of(session).added <= watch.read.added:
            return 0
        if watch.search.list:
            return len(self.unread(name, session).page)
        return session.ask(watch.search.text, replace(self._added_since(watch, session), limit=0)).total

    def try_count_unread(self, name: str, session: Session) -> int | None:
        """Returns ``count_unread``; None if the index cannot answer the search any more, such as without its paper."""
        try:
            return self.count_unread(name, session)
        except (InvalidValue, PaperNotFound, NameNotFound):
            return None

    def mark_read(self, name: str, position: Position) -> None:
        """Marks the papers up to a position as read; an earlier position than the present one changes nothing.

        Raises:
            NameNotFound: there is no such saved search.
        """
        sql = """UPDATE watches SET read_generation = CASE WHEN ? >= read_added THEN ? ELSE read_generation END,
                 read_added = max(read_added, ?)"""
        self._change(name, sql, [position.added, position.generation, position.added])

    def latest(self, name: str, session: Session, limit: int) -> Page:
        """Returns the papers closest to a saved search that were added last, whether they were read or not.

        Raises:
            NameNotFound: there is no such saved search, or no such list.
        """
        search = self.get(name).search
        page = session.ask(search.text, replace(self._query(search, session), sort="added", limit=limit))
        return replace(page, hits=self._without_listed(search, page.hits), cursor=None)

    def create_feed(self, name: str) -> str:
        """Gives a saved search a feed and returns the token in its address; an earlier address ends.

        Raises:
            NameNotFound: there is no such saved search.
        """
        token = make_token()
        self._change(name, "UPDATE watches SET feed_token = ?", [token])
        return token

    def revoke_feed(self, name: str) -> None:
        """Ends the feed of a saved search.

        Raises:
            NameNotFound: there is no such saved search.
        """
        self._change(name, "UPDATE watches SET feed_token = NULL")

    def _change(self, name: str, statement: str, values: Iterable[object] = ()) -> None:
        name = parse_name(name)
        with self._state.write() as database:
            owner = self._profile.find(database)
            if not database.execute(f"{statement} WHERE profile = ? AND name = ?", [*values, owner, name]).rowcount:
                names = database.execute("SELECT name FROM watches WHERE profile = ? ORDER BY name", [owner]).fetchall()
                raise NameNotFound("saved search", name, [each for (each,) in names])

    def _query(self, search: SavedSearch, session: Session) -> Query:
        """Returns the query of a search; the papers of its list are examples, those saved last if there are many."""
        if not search.list:
            return search.to_query()
        listed = [entry.paper.id for entry in self._lists.entries(search.list, session) if entry.in_index]
        if not listed:
            raise InvalidValue("list", search.list, "none of its papers is in the index; add one: papers list add")
        return search.to_query(tuple(listed[::-1][:MAX_EXAMPLES]))

    def _added_since(self, watch: Watch, session: Session) -> Query:
        query = self._query(watch.search, session)
        start = datetime.fromtimestamp(watch.read.added + 1, UTC)
        return replace(query, filter=replace(query.filter, added_from=start), sort="added", limit=MAX_LIMIT)

    def _without_listed(self, search: SavedSearch, hits: Iterable[Hit]) -> tuple[Hit, ...]:
        """Returns the hits that are not on the list of the search, of which some may not be among the examples."""
        listed = self._lists.ids(search.list) if search.list else frozenset()
        return tuple(hit for hit in hits if listed.isdisjoint(hit.paper.ids))


def find_feed(state: StateDatabase, token: str) -> tuple[Profile, str] | None:
    """Returns the profile and the name of the saved search whose feed has a token; None if no feed has it."""
    sql = """SELECT profiles.name, token_sha256, watches.name FROM watches JOIN profiles USING (profile)
             WHERE feed_token = ?"""
    with state.read() as database:
        row = database.execute(sql, [token]).fetchone()
    return (Profile(row[0] or "", row[1] or ""), row[2]) if row else None


def _name_paper_as_example(search: SavedSearch, session: Session) -> SavedSearch:
    from datetime import date

    from search.language.parser import parse_query

    parsed = parse_query(search.text, today=date.today(), categories=session.snapshot.columns.categories.codes)
    return replace(search, text="", like=(parsed.paper_id, *search.like)) if parsed.paper_id else search


def _read_watch(row: tuple[str, str, str, int, str, str | None]) -> Watch:
    name, search, created, added, generation, token = row
    return Watch(name, SavedSearch.from_json(json.loads(search)), created, Position(added, generation), token)
