"""Describes a parsed query in few words, for ``Page.interpretation`` and the parts of a query."""

from datetime import datetime

from search.papers.categories import find_category_alias
from search.papers.json import replace_surrogates
from search.papers.retraction import RETRACTED_ID
from search.query.condition import (
    AddedBetween,
    AllOf,
    AnyOf,
    Author,
    Category,
    ColumnLeaf,
    Condition,
    ContainsText,
    HasId,
    HasKind,
    InDateRange,
    InRows,
    Moment,
    Not,
    format_moment,
)
from search.query.query import Query

_MAX_TEXT_LENGTH = 200


def describe_condition(condition: Condition | None, text: str = "") -> str:
    """Describes a condition and a text: ``au:zhou, cs.IR, since 2026-01, about 'kv cache'``.

    Args:
        condition: the parts of an AllOf are separated by commas.
        text: the text to rank by; a long one is truncated.
    """
    parts = condition.parts if isinstance(condition, AllOf) else (condition,) if condition else ()
    words = " ".join(text.split())
    if len(words) > _MAX_TEXT_LENGTH:
        words = words[: _MAX_TEXT_LENGTH - 4].rsplit(" ", 1)[0] + " ..."
    about = (f"about '{words}'",) if words else ()
    return ", ".join((*map(_describe, parts), *about)) or "all papers"


def describe_query(query: Query) -> str:
    """Describes a query with its filters, examples and sort order; lone surrogates are replaced."""
    condition, text = query.filter.condition, query.text.strip()
    parts = [describe_condition(condition)] if condition.parts else []
    if query.theme:
        parts.append(describe_theme(query.theme))
    if query.include_like:
        parts.append(f"{' and '.join(query.like)} and similar papers")
    elif query.like:
        parts.append(f"like {' and '.join(query.like)}")
    if query.unlike:
        parts.append(f"unlike {' or '.join(query.unlike)}")
    if query.is_abstract:
        parts.append(f"similar to a text of {len(text.split()):,} words")
    elif text:
        parts.append(describe_condition(None, text))
    order = "newest" if query.sort == "relevance" and not (text or query.like) else query.sort
    ordered = [f"{ORDER_NAMES.get(order, order)} first"] if order != "relevance" else []
    return replace_surrogates(", ".join([*(parts or ["all papers"]), *ordered]))


ORDER_NAMES = {"added": "latest added", "citations": "most cited"}
"""The orders by a field in words, where they differ from their names."""


def describe_theme(label: str) -> str:
    """Describes that papers belong to a theme."""
    return f"theme '{label}'"


def _describe(condition: Condition) -> str:
    if isinstance(condition, AllOf):
        return " and ".join(map(_describe_nested, condition.parts))
    if isinstance(condition, AnyOf):
        return " or ".join(map(_describe_nested, condition.parts))
    if isinstance(condition, Not):
        return f"not {_describe_nested(condition.part)}"
    return _describe_leaf(condition)


def _describe_nested(condition: Condition) -> str:
    return f"({_describe(condition)})" if isinstance(condition, AllOf | AnyOf) else _describe(condition)


def _describe_leaf(leaf: ColumnLeaf | HasId | InRows | ContainsText) -> str:
    if isinstance(leaf, Author):
        name = f'"{leaf.name}"' if " " in leaf.name or leaf.exact else leaf.name
        marked = f"au:{'^' * (leaf.position == 'first')}{'=' * leaf.exact}{name}{'$' * (leaf.position == 'last')}"
        return f"{marked} of {leaf.paper}" if leaf.paper else marked
    if isinstance(leaf, Category):
        alias = find_category_alias(leaf.code)
        return "primary " * leaf.primary + (f"{leaf.code} (also {alias})" if alias else leaf.code)
    if isinstance(leaf, InDateRange):
        return "updated " * (leaf.field == "updated") + _describe_range(leaf.start, leaf.end)
    if isinstance(leaf, AddedBetween):
        return f"added {_describe_range(leaf.start, leaf.end)}"
    if isinstance(leaf, HasKind):
        return f"kind:{leaf.kind}"
    if isinstance(leaf, HasId):
        return f"{leaf.id} (or withdrawn)" if leaf.id == RETRACTED_ID else leaf.id
    if isinstance(leaf, InRows):
        return leaf.name
    return _describe_text(leaf)


def _describe_range(start: Moment | None, end: Moment | None) -> str:
    first, last = (format_moment(each) if each else "" for each in (start, end))
    if start == end:
        preposition = "at" if isinstance(start, datetime) else "in" if start and start.precision < 3 else "on"
        return f"{preposition} {first or None}"
    if first and last:
        return f"from {first} to {last}"
    return f"since {first}" if first else f"until {last}"


def _describe_text(leaf: ContainsText) -> str:
    quoted = f'"{leaf.text}"' if leaf.phrase else f"({leaf.text})" if " " in leaf.text else leaf.text
    field = {"any": "all", "title": "ti", "abstract": "abs"}[leaf.text_field]
    return quoted if leaf.phrase and leaf.text_field == "any" else f"{field}:{quoted}"
