"""Makes factory.py importable from the tests beside it (import-mode=importlib leaves sys.path alone)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
