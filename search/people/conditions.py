"""Conditions on persons, in the form that an index evaluates."""

from search.index.backend import Backend
from search.people.persons import find_person_rows
from search.query.condition import AllOf, AnyOf, Author, Condition, InRows, Not
from search.query.people import PersonCorrections


def resolve_persons(snapshot: Backend, condition: Condition, corrections: PersonCorrections) -> Condition:
    """Returns a condition with the papers of each person that it tells from namesakes.

    Args:
        snapshot: the generation.
        condition: the condition.
        corrections: by the user.

    Raises:
        InvalidValue: see ``find_person_rows``.
    """
    if isinstance(condition, AllOf | AnyOf):
        return type(condition)(tuple(resolve_persons(snapshot, each, corrections) for each in condition.parts))
    if isinstance(condition, Not):
        return Not(resolve_persons(snapshot, condition.part, corrections))
    if not (isinstance(condition, Author) and condition.paper):
        return condition
    rows = find_person_rows(snapshot, condition, corrections)
    name = Author(condition.name, condition.position, condition.exact)
    return AllOf((name, InRows(tuple(rows.tolist()), condition.paper)))
