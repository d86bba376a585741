"""The phases of an exchange are run in memory by tests/plugins/curate_test_phases.py."""

from __future__ import annotations

import sys
from pathlib import Path

PLUGINS = str(Path(__file__).resolve().parents[2] / "plugins")
sys.path[:0] = [PLUGINS] if PLUGINS not in sys.path else []
