"""A local S3 server for the contract of the store."""

from __future__ import annotations

import sys
from pathlib import Path

PLUGINS = str(Path(__file__).resolve().parent.parent / "plugins")
if PLUGINS not in sys.path:
    sys.path.insert(0, PLUGINS)

from local_s3 import bucket, s3_endpoint  # noqa: E402

__all__ = ["bucket", "s3_endpoint"]
