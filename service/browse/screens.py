"""Screens above the list: a paper, a text, a choice and a line to fill in."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList, Static

from service.browse.choices import Choices
from service.browse.keys import PAPER_KEYS
from service.formats.render import sanitize_lines

_CLOSE: list[BindingType] = [Binding("escape,q", "dismiss", "Back")]


class PaperScreen(Screen[None]):
    """One paper, over the whole terminal. The keys of the list that concern a paper work here too.

    Args:
        draw: returns the paper as drawn.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,backspace", "dismiss", "Back")]

    def __init__(self, draw: Callable[[], Text]) -> None:
        super().__init__()
        self._draw = draw

    def compose(self) -> ComposeResult:
        """Creates the paper and the line of keys."""
        with VerticalScroll():
            yield Static(self._draw(), id="paper", markup=False)
        yield Static("", id="message", markup=False)
        yield Static(PAPER_KEYS, id="keys", markup=False)

    def redraw(self, *, is_other_paper: bool = False) -> None:
        """Draws the paper again, from its start if it is another one."""
        self.query_one("#paper", Static).update(self._draw())
        if is_other_paper:
            self.query_one(VerticalScroll).scroll_home(animate=False)


class TextScreen(ModalScreen[None]):
    """A text to read or copy, such as the keys or a BibTeX entry.

    Args:
        title: one line.
        text: the text.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*_CLOSE, Binding("enter,question_mark", "dismiss", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Creates the title and the text."""
        with Vertical(classes="box"):
            yield Static(Text(f"{self._title} (Esc closes)", style="bold"))
            with VerticalScroll():
                yield Static(Text(sanitize_lines(self._text)), id="text")


class ChoiceScreen(ModalScreen[str]):
    """One of several words.

    Args:
        title: one line.
        choices: the words.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *_CLOSE,
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[str]) -> None:
        super().__init__()
        self._title, self._choices = title, choices

    def compose(self) -> ComposeResult:
        """Creates the title and the words."""
        with Vertical(classes="box"):
            yield Static(Text(self._title, style="bold"))
            yield Choices(*(Text(choice) for choice in self._choices), id="choices")

    def action_move(self, direction: str) -> None:
        """Moves the cursor."""
        choices = self.query_one(Choices)
        choices.action_cursor_down() if direction == "down" else choices.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Returns the word."""
        event.stop()
        self.dismiss(self._choices[event.option_index])


class LineScreen(ModalScreen[str]):
    """A line to fill in.

    Args:
        title: what to type.
        value: what is there at first; typing replaces it.
        check: returns what is wrong with a line, or nothing if it can be used.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, title: str, value: str = "", check: Callable[[str], str] = lambda line: "") -> None:  # noqa: ARG005
        super().__init__()
        self._title, self._value, self._check = title, value, check

    def compose(self) -> ComposeResult:
        """Creates the title, the line and a place for what is wrong with it."""
        with Vertical(classes="box"):
            yield Static(Text(sanitize_lines(self._title), style="bold"))
            yield Input(self._value, compact=True, select_on_focus=True)
            yield Static("", id="problem", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Returns the line if it can be used."""
        event.stop()
        if problem := self._check(event.value):
            self.query_one("#problem", Static).update(sanitize_lines(problem))
        else:
            self.dismiss(event.value)
