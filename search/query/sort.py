"""Orders of the hits of a page."""

from typing import Literal, get_args

FieldOrder = Literal["newest", "oldest", "added", "citations"]
Sort = Literal["relevance", "newest", "oldest", "added", "citations"]
SORTS: tuple[Sort, ...] = get_args(Sort)
