"""The results of trained models: reports, predictions and samples, made of parts.

They are independent of tasks, data formats and terminals: the command line prints them or writes them as
JSON, a notebook shows them, a folder stores them as files.
"""

from .animation import Animation
from .inputs import Input, chunked
from .parts import Drawing, Pairs, Part, Picture, Series, Spans, Table, Text
from .pieces import Margin, Piece
from .prediction import Prediction, is_blank
from .records import Records
from .report import Comparison, Progress, Report, reporting_to, silent
from .sample import SamplePiece

__all__ = [
    "Animation",
    "Comparison",
    "Drawing",
    "Input",
    "Margin",
    "Pairs",
    "Part",
    "Picture",
    "Piece",
    "Prediction",
    "Progress",
    "Records",
    "Report",
    "SamplePiece",
    "Series",
    "Spans",
    "Table",
    "Text",
    "chunked",
    "is_blank",
    "reporting_to",
    "silent",
]
