"""The conformance suite of cells: does a cell do what every other part of the package relies on?

    from unrolled.testing import check_cell
    print(check_cell(MyCell(8, 16)))

``python -m unrolled.testing`` writes ``docs/conformance.md``, the table of what each built-in cell cannot do.
"""

from .conformance import CHECKS, check_cell
from .report import Report, Result
from .table import builtin_cells, conformance_table

__all__ = ["CHECKS", "Report", "Result", "builtin_cells", "check_cell", "conformance_table"]
