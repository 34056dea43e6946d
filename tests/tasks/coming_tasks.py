"""The small tasks that stand for coming ones, by name, and runs of them."""

from __future__ import annotations

import coming_pictures
import coming_signals

from unrolled import api
from unrolled.tasks.registry import TASKS, Entry
from unrolled.training.log import Silent

PLACES = {
    "pictures": "coming_pictures:Pictures",
    "captions": "coming_pictures:Captions",
    "handwriting": "coming_pictures:Handwriting",
    "pixels": "coming_pictures:Pixels",
    "strokes": "coming_pictures:Strokes",
    "videos": "coming_signals:Videos",
    "dictation": "coming_signals:Dictation",
    "forecast": "coming_signals:Forecast",
}


def registered(patch):
    """Enter them into the table of tasks."""
    for name, place in PLACES.items():
        module = {"coming_pictures": coming_pictures, "coming_signals": coming_signals}[place.partition(":")[0]]
        patch.setitem(TASKS, name, Entry(place, getattr(module, place.partition(":")[2]).__doc__))


def trained(folder, name):
    """A run of two steps."""
    from unrolled.tasks.registry import task_class

    api.start(name, task_class(name).Config(), folder / name, Silent())
    return folder / name
