"""Whether two parsed names may be those of one person.

Two names match if their surnames are equal and no given names contradict each other: an initial matches every name that
starts with it, a name that one side lacks is no contradiction, and a hyphen may be a space or nothing.
"""

from dataclasses import replace

from search.papers.folding import collapse_umlaut_digraphs
from search.papers.names import Name, interpretations


def matches(query: str, name: Name) -> bool:
    """Whether a name in a query may refer to this name, which requires an interpretation with the same surname."""
    return any(interpretation_matches(each, name) for each in interpretations(query))


def are_compatible(one: Name, other: Name) -> bool:
    """Whether two names from sources may belong to the same person; symmetric."""
    if one.surname != other.surname:
        one, other = (replace(name, surname=collapse_umlaut_digraphs(name.surname)) for name in (one, other))
    return interpretation_matches(one, other) or interpretation_matches(other, one)


def interpretation_matches(query: Name, name: Name) -> bool:
    """Whether one interpretation of a name in a query may refer to this name.

    The first given names must start with the same letter. If the query has no given name, the name must contain all
    words of the query's family name instead.
    """
    if query.surname != name.surname or not name.surname:
        return False
    if not query.given:
        return set(name.other_family_words).issuperset(query.other_family_words)
    one, other = query.forenames, name.forenames
    return bool(name.given) and (_given_names_agree(one, other) or _match_when_joined(one, other))


def _given_names_agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether the first names match, and the others match in order or when joined."""
    return _given_name_matches(one[0], other[0]) and (
        _match_in_order(one[1:], other[1:]) or _match_when_joined(one[1:], other[1:])
    )


def _match_in_order(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether the longer list contains the names of the shorter one in order."""
    shorter, longer = sorted((one, other), key=len)
    rest = iter(longer)
    return all(any(_given_name_matches(each, candidate) for candidate in rest) for each in shorter)


def _given_name_matches(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _match_when_joined(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether the first names of one list, joined, are the first name of the other, as in Chao Lin and Chaolin or J B
    and JB. An initial after a name is joined to it only if nothing follows, as in Hyeong-U.
    """
    return any(
        "".join(longer[:count]) == shorter[0]
        and (len({len(word) > 1 for word in longer[:count]}) == 1 or (count == len(longer) and len(shorter) == 1))
        and _match_in_order(shorter[1:], longer[count:])
        for shorter, longer in ((one, other), (other, one))
        if shorter
        for count in range(2, len(longer) + 1)
    )
