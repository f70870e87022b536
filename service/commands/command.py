"""Command: the click class of all commands. It validates text arguments and translates errors into the words of the
command line."""

from pathlib import Path
from typing import Any

import click

from search.errors import InvalidValue, PapersError

_OWN_PACKAGES = ("search", "indexer", "service")

_ARGUMENT_OF_FIELD = {"q": "query", "text": "query", "paper_id": "ids", "author": "name", "path": "paths"}
"""Fields of ``InvalidValue`` that a command takes as an argument of another name."""


class MissingExtra(PapersError):
    """The command needs packages of an optional dependency group that is not installed.

    Args:
        command: as typed, for example ``papers serve``.
        extra: the group in pyproject.toml.
        module: the first missing module.
    """

    def __init__(self, command: str, extra: str, module: str) -> None:
        super().__init__(f"{command} needs the package {module}; run: pip install 'papers-search[{extra}]'")


class Command(click.Command):
    """A command whose errors name its own options and arguments.

    Args:
        extra: the optional dependency group that the command needs; None for the core dependencies.
    """

    def __init__(self, *args: Any, extra: str | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.extra = extra

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command.

        Raises:
            InvalidValue: names the option or argument as the command line does.
            MissingExtra: a package of ``extra`` is not installed.
        """
        try:
            self._check_encoding(ctx)
            return super().invoke(ctx)
        except InvalidValue as error:
            name = self._parameter_name(error.field)
            raise InvalidValue(name, error.value, error.allowed, position=error.position) from None
        except ModuleNotFoundError as error:
            module = (error.name or "").partition(".")[0]
            if self.extra is None or module in _OWN_PACKAGES:
                raise
            raise MissingExtra(ctx.command_path, self.extra, module) from None

    def _check_encoding(self, ctx: click.Context) -> None:
        """Rejects text that is not UTF-8 and therefore contains lone surrogates.

        Paths may contain any bytes, except for the folder of an index: tantivy opens only paths in UTF-8.
        """
        for name, value in ctx.params.items():
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, Path) and name == "directory":
                    text = str(text)
                if isinstance(text, str) and not _is_valid_unicode(text):
                    raise InvalidValue(
                        name, text, "it is not valid UTF-8; check the encoding of your terminal or script"
                    )

    def _parameter_name(self, field: str) -> str:
        """The name of a parameter on the command line: ``--updated-from``, ``PAPER_ID``; else ``field`` itself."""
        names: dict[str, str] = {}
        for parameter in self.params:
            is_argument = isinstance(parameter, click.Argument)
            name = str(parameter.name).upper() if is_argument else max(parameter.opts, key=len)
            names[str(parameter.name)] = name
            names[name.lstrip("-").replace("-", "_").lower()] = name
        return names.get(field) or names.get(_ARGUMENT_OF_FIELD.get(field, "")) or field


class CommandGroup(click.Group):
    """A group of commands of the class ``Command``."""

    command_class = Command


class DefaultGroup(CommandGroup):
    """A group that runs one of its commands if it is called without any.

    Args:
        default: the name of that command.
        takes_names: whether a first argument that is no command is an argument of it.
    """

    def __init__(self, *args: Any, default: str, takes_names: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self._default, self._takes_names = default, takes_names

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        is_option = first.startswith("-") and first not in ctx.help_option_names
        if not first or is_option or (self._takes_names and not first.startswith("-") and first not in self.commands):
            args = [self._default, *args]
        return super().parse_args(ctx, args)


def _is_valid_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
