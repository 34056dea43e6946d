"""What comes out of a trained model, as values: reports, predictions and samples, made of parts.

Nothing here knows a task, a file format of the data or a terminal: the command line prints these values, a server sends
them, a folder keeps them.
"""

from .inputs import Input, chunked
from .parts import Drawing, Pairs, Part, Picture, Series, Spans, Table, Text
from .prediction import Piece, Prediction, is_blank
from .report import Comparison, Progress, Report, silent
from .sample import SamplePiece

__all__ = [
    "Comparison",
    "Drawing",
    "Input",
    "Pairs",
    "Part",
    "Picture",
    "Piece",
    "Prediction",
    "Progress",
    "Report",
    "SamplePiece",
    "Series",
    "Spans",
    "Table",
    "Text",
    "chunked",
    "is_blank",
    "silent",
]
