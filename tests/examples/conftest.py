"""The example pipelines run as a user runs them; the S3 server comes from tests/plugins."""

from __future__ import annotations

import sys
from pathlib import Path

PLUGINS = str(Path(__file__).resolve().parent.parent / "plugins")
sys.path[:0] = [PLUGINS] if PLUGINS not in sys.path else []

from local_s3 import bucket, s3_endpoint  # noqa: E402

__all__ = ["bucket", "s3_endpoint"]
