"""Where a regular expression matches a text, within a time limit: a process of its own is stopped if it takes too long.

Matching cannot be interrupted within a process: it holds the interpreter's lock, and some expressions, such as
``(a+)+$``, take exponential time. So a page that accepts an expression from its user matches it here.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from ..errors import ArgumentError
from .source import Mask

LONGEST = 200  # characters of an expression
SECONDS, PER_MILLION = 2.0, 3.0  # time to match it, and more for each million characters of the text
MEMORY = 1 << 30  # bytes of the process
NAME = "expression"

_CODE = f"""
import json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
except (ImportError, ValueError, OSError):
    pass
expression = json.loads(sys.stdin.buffer.readline())
text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
try:
    pattern = re.compile(expression, re.MULTILINE)
except (re.error, OverflowError, RecursionError, MemoryError) as error:
    sys.exit(f"no {{error}}")
marks = bytearray(len(text))
for match in pattern.finditer(text):
    begin, end = match.span()
    marks[begin:end] = bytes(end - begin).replace(bytes(1), bytes([1]))
sys.stdout.buffer.write(marks)
"""


def matches(expression: str, text: str) -> Mask:
    """Return ``(n,)``: true inside the matches of a regular expression in Python's syntax, ``^`` and ``$`` per line.

    Raises:
        ArgumentError: the expression is empty or too long, does not compile, or takes too long.
    """
    if not 1 <= len(expression) <= LONGEST:
        raise ArgumentError(NAME, f"from 1 to {LONGEST} characters", expression)
    given = json.dumps(expression).encode("ascii") + b"\n" + text.encode("utf-8", "surrogatepass")
    command, seconds = [sys.executable, "-I", "-S", "-c", _CODE], SECONDS + PER_MILLION * len(text) / 1e6
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        remedy = "simplify it: nested repetitions such as (a+)+ may take exponential time"
        raise ArgumentError(NAME, f"matched within {seconds:.1f} seconds", expression, remedy) from None
    problem = done.stderr.decode("utf-8", "replace")
    if problem.startswith("no "):
        reason = " ".join(problem[3:].split()) or "too large"
        remedy = "correct the regular expression (Python's re syntax)"
        raise ArgumentError(NAME, f"a regular expression that compiles ({reason})", expression, remedy)
    if done.returncode or len(done.stdout) != len(text):
        raise ArgumentError(NAME, "matched within its memory limit", expression, "simplify it")
    return np.frombuffer(done.stdout, dtype=np.bool_)
