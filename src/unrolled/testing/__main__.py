"""Write the conformance table: ``python -m unrolled.testing [FILE]``, by default to docs/conformance.md."""

import sys
from pathlib import Path

from .table import builtin_cells, conformance_table

if __name__ == "__main__":
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/conformance.md")
    file.write_text(conformance_table(builtin_cells()), encoding="utf-8")
