"""Records beside token files: small JSON files that are checked when they are read."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from curate.errors import DataError

Record = TypeVar("Record", bound=BaseModel)


def read_record(kind: type[Record], data: bytes, path: str, what: str) -> Record:
    """Parse a record. path, what: for the message. Raises DataError for anything that is none of a
    version that is known.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{path}: {where}: {first['msg']}; this is no {what} that this version reads"
        ) from error
