"""Statements of users about the people behind a name: two papers are by one person, or a paper is not by a person.

Papers are stored by ID, as everywhere in the state. A statement stays in force when papers are added, and one about a
paper that is not in the index has no effect.
"""

from dataclasses import dataclass
from typing import Literal

from indexer.state import StateDatabase, utc_now
from search.errors import InvalidValue
from search.query.people import PersonCorrections
from service.state.profiles import Profile

MAX_STATEMENTS = 2_000
"""Most statements of a profile: each costs two lookups whenever people are told apart."""
Relation = Literal["same", "different"]


@dataclass(frozen=True, slots=True)
class PersonStatement:
    """A statement.

    Attributes:
        relation: ``same``: both papers are by one person; ``different``: the first is not by the person of the second.
        paper: the ID of the first paper.
        other: the ID of the second one.
        stated: when it was made, in UTC.
    """

    relation: Relation
    paper: str
    other: str
    stated: str


class PersonStatements:
    """The statements of one profile.

    Args:
        state: where they are stored.
        profile: whose statements they are.
    """

    def __init__(self, state: StateDatabase, profile: Profile) -> None:
        self._state, self._profile = state, profile

    def all(self) -> tuple[PersonStatement, ...]:
        """Returns all statements in the order in which they were made."""
        sql = "SELECT relation, paper, other, stated FROM person_statements WHERE profile = ? ORDER BY statement"
        with self._state.read() as database:
            rows = database.execute(sql, [self._profile.find(database)]).fetchall()
        return tuple(PersonStatement(*row) for row in rows)

    def corrections(self) -> PersonCorrections:
        """Returns the statements as a search applies them."""
        found = self.all()
        same, different = (
            tuple((each.paper, each.other) for each in found if each.relation == relation)
            for relation in ("same", "different")
        )
        return PersonCorrections(same, different)

    def add(self, relation: Relation, paper: str, other: str) -> None:
        """States something about two papers; what was stated about the same two before is withdrawn.

        Raises:
            InvalidValue: both papers are the same, or the profile has too many statements.
        """
        if paper == other:
            raise InvalidValue("other", other, "name two papers")
        with self._state.write() as database:
            owner = self._profile.find_or_create(database)
            sql = "DELETE FROM person_statements WHERE profile = ? AND (paper, other) IN ((?, ?), (?, ?))"
            database.execute(sql, [owner, paper, other, other, paper])
            (count,) = database.execute("SELECT count(*) FROM person_statements WHERE profile = ?", [owner]).fetchone()
            if count >= MAX_STATEMENTS:
                raise InvalidValue("paper", paper, f"there are {count:,} statements about people; undo some of them")
            sql = "INSERT INTO person_statements (profile, relation, paper, other, stated) VALUES (?, ?, ?, ?, ?)"
            database.execute(sql, [owner, relation, paper, other, utc_now()])

    def withdraw(self, paper: str, other: str) -> bool:
        """Withdraws what was stated about two papers; returns whether there was something."""
        sql = "DELETE FROM person_statements WHERE profile = ? AND paper = ? AND other = ?"
        with self._state.write() as database:
            return bool(database.execute(sql, [self._profile.find(database), paper, other]).rowcount)
