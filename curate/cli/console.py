"""Where commands print: a terminal as wide as it is, or text that is not cut to any width."""

from __future__ import annotations

from rich.console import Console

UNCUT_COLUMNS = 240


def make_console(stderr: bool = False) -> Console:
    """A console without guesses about what should be coloured."""
    console = Console(stderr=stderr, highlight=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, width=UNCUT_COLUMNS)
    )
