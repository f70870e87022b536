"""An option whose help and completion list its choices, which are imported only then."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem


class ChoicesOption(click.Option):
    """An option with one of several values.

    Args:
        choices: Returns the values; called for help and completion only, so that their module is imported only then.
        help: ``{choices}`` in it is replaced by the values.
    """

    def __init__(self, *args: Any, choices: Callable[[], tuple[str, ...]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._choices = choices

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        self.help = (self.help or "").replace("{choices}", ", ".join(self._choices()))
        return super().get_help_record(ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        start = incomplete.casefold()
        return [CompletionItem(choice) for choice in self._choices() if choice.casefold().startswith(start)]
