"""Tasks, a folder each: `registry` finds them by name."""

from .registry import TASKS, task_class

__all__ = ["TASKS", "task_class"]
