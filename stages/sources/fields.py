"""From a decoded object (a JSON line, a CSV row, a Parquet row) to a document.

Which field is the text is configuration; every field that is not used goes to `meta`, so nothing of
the record is lost.
"""

from __future__ import annotations

import base64
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from pydantic import Field

from curate.stages.sources.base import BadRecord, Record
from curate.stages.sources.files import FileSource
from curate.stages.sources.lines import RAW_BYTES

PATH_HELP = "; `a.b` reaches into nested objects"


class FieldSource(FileSource):
    """A format whose records have named fields."""

    text_field: str = Field(
        "text", min_length=1, description="field with the document's text" + PATH_HELP
    )
    id_field: str | None = Field(
        "id", description="field copied to meta.source_id, never assumed unique" + PATH_HELP
    )
    url_field: str | None = Field("url", description="field with the address" + PATH_HELP)
    date_field: str | None = Field("date", description="field with an ISO 8601 date" + PATH_HELP)
    title_field: str | None = Field("title", description="field with the title" + PATH_HELP)
    author_field: str | None = Field("author", description="field with the author" + PATH_HELP)

    def document(
        self, fields: dict[str, object], path: str, offset: int, raw: bytes
    ) -> Record | BadRecord:
        """Map one record. `fields` is taken over and changed. raw: its bytes, for the
        quarantine."""
        found, text = _take(fields, self.text_field)
        if isinstance(text, bytes):
            text = _decoded(text)
        problem = self._problem(found, text)
        if problem is not None:
            _put_back(fields, self.text_field, text)
            return BadRecord(path, offset, problem[0], problem[1], raw[:RAW_BYTES])
        assert isinstance(text, str)
        record = Record(path, offset, text)
        if self.url_field is not None:
            record.url = _take_string(fields, self.url_field)
        if self.date_field is not None:
            record.date = _take_date(fields, self.date_field)
        if self.title_field is not None:
            record.title = _take_string(fields, self.title_field)
        if self.author_field is not None:
            record.author = _take_string(fields, self.author_field)
        if self.id_field is not None:
            found, user_id = _take(fields, self.id_field)
            if found:
                if "source_id" in fields:
                    fields["original_source_id"] = fields["source_id"]
                fields["source_id"] = user_id
        record.meta = fields
        return record

    def _problem(self, found: bool, text: object) -> tuple[str, str] | None:
        if not found:
            return "missing_text", f"the record has no field '{self.text_field}' (text_field)"
        if text is None:
            return "text_not_string", f"the field '{self.text_field}' is null, not a string"
        if isinstance(text, bytes):
            return "invalid_utf8", f"the field '{self.text_field}' holds bytes that are not UTF-8"
        if not isinstance(text, str):
            return (
                "text_not_string",
                f"the field '{self.text_field}' is {type(text).__name__}, not a string",
            )
        if "\x00" in text:
            return (
                "nul_character",
                f"the text holds a NUL character at position {text.index(chr(0))}",
            )
        return None


def plain_value(value: object) -> object:
    """A value that JSON can hold: dates as ISO 8601, numbers of other types as text, bytes as text
    or base64."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, bytes):
        text = _decoded(value)
        return text if isinstance(text, str) else base64.b64encode(text).decode("ascii")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta | Decimal):
        return str(value)
    return str(value)


def _decoded(value: bytes) -> str | bytes:
    """As text where it is UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _take(fields: dict[str, object], name: str) -> tuple[bool, object]:
    """Remove a field and return (found, value). A field named `a.b` itself goes before `b` inside
    of `a`."""
    if name in fields:
        return True, fields.pop(name)
    head, dot, rest = name.partition(".")
    inner = fields.get(head) if dot else None
    if not isinstance(inner, dict):
        return False, None
    found, value = _take(inner, rest)
    if found and not inner:
        del fields[head]
    return found, value


def _put_back(fields: dict[str, object], name: str, value: object) -> None:
    if value is not None:
        fields[name] = value


def _take_string(fields: dict[str, object], name: str) -> str | None:
    """A value that is no string stays in the meta data."""
    _, value = _take(fields, name)
    if isinstance(value, str):
        return value
    _put_back(fields, name, value)
    return None


def _take_date(fields: dict[str, object], name: str) -> str | None:
    """A string or a date object in ISO 8601; anything else stays in the meta data."""
    _, value = _take(fields, name)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    _put_back(fields, name, value)
    return None
