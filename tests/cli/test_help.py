"""`--help` of every command shows how it is typed."""

from __future__ import annotations

import re

import pytest
import typer

from curate.cli.app import app


def _commands(group: typer.Typer, before: str) -> list[tuple[str, str]]:
    """(what is typed, epilog) of every command."""
    found = []
    for command in group.registered_commands:
        assert command.name is not None
        found.append((f"{before} {command.name}", command.epilog or ""))
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        name = inner.name if isinstance(inner.name, str) else inner.typer_instance.info.name
        found += _commands(inner.typer_instance, f"{before} {name}")
    return found


COMMANDS = _commands(app, "curate")


@pytest.mark.parametrize(("typed", "epilog"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_has_examples_of_itself(typed: str, epilog: str) -> None:
    assert len(COMMANDS) > 20
    assert epilog.startswith("Examples:")
    assert re.search(rf"^ *{typed}( |$)", epilog, re.MULTILINE)
