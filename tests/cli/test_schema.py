"""`curate schema` prints the schema."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from curate.cli.app import app


def test_schema_is_printed_as_json() -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "gopher_quality" in json.dumps(schema["$defs"]["entry"])
