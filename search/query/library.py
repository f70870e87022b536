"""Library: the papers of a user, which recommendations are near."""

from dataclasses import dataclass

from search.errors import InvalidValue
from search.papers.json import Json
from search.papers.paper import Paper


@dataclass(frozen=True, slots=True)
class Library:
    """The papers of a user. ``indexer.library`` makes one from files and records.

    Attributes:
        ids: IDs of papers in the index; they are not recommended.
        records: papers that the index lacks.
        left_out: why further records could not be read, one reason each.

    Raises:
        InvalidValue: ``ids`` or ``records`` is a string.
    """

    ids: tuple[str, ...] = ()
    records: tuple[Paper, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("ids", "records", "left_out"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise InvalidValue("library", value, f"give a list, such as [{value!r}]")
            object.__setattr__(self, name, tuple(value))

    def __len__(self) -> int:
        return len(self.ids) + len(self.records) + len(self.left_out)


@dataclass(frozen=True, slots=True)
class Near:
    """The paper of the library that a recommended paper is nearest to.

    Attributes:
        id: its public ID; None if it has none.
        title: its title.
        similarity: the cosine of the two papers.
        interest: the interest of the library that the recommended paper belongs to, from 1, the largest first.
    """

    id: str | None
    title: str | None
    similarity: float
    interest: int

    def to_json(self) -> dict[str, Json]:
        """Returns the paper as a JSON object."""
        return {"id": self.id, "title": self.title, "similarity": self.similarity, "interest": self.interest}
