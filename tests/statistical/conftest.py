"""Makes the repository's root importable, so that the benchmarks' rivals can be tested however pytest was started."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
