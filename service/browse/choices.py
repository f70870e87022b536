"""A list whose selected entry is drawn in reverse, so that it is seen without colours too."""

from textual.style import Style
from textual.widgets import OptionList

_SELECTED = "option-list--option-highlighted"
"""What Textual calls the selected entry in style sheets."""


class Choices(OptionList):
    """An ``OptionList``; of the attributes of a selected entry, Textual applies all but reverse (version 8.2)."""

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """Adds reverse to the style of the selected entry."""
        style = super().get_visual_style(*component_classes, partial=partial)
        return style + Style(reverse=True) if _SELECTED in component_classes else style
