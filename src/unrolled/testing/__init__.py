"""Conformance tests for cells: check that a cell keeps the contract that the rest of the package relies on.

    from unrolled.testing import check_cell
    print(check_cell(MyCell(8, 16)))

``python -m unrolled.testing FILE`` writes a table of what each built-in cell supports.
"""

from .conformance import CHECKS, check_cell
from .report import Report, Result
from .table import builtin_cells, conformance_table

__all__ = ["CHECKS", "Report", "Result", "builtin_cells", "check_cell", "conformance_table"]
