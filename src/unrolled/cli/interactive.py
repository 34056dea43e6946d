"""unrolled sample RUN --interactive: a person and the model write in turn."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..cells import check_size
from ..decoding import Sampling, Session
from ..errors import ArgumentError, UnrolledError, clause, did_you_mean
from .terminal.look import BOLD, DIM, end_line, show, to_terminal

HELP = """type the beginning of something and press Enter: the model goes on from it; Enter alone: it just goes on
:temperature 0.5   :top-k 20   :top-p 0.9   :greedy   :seed 3   :length 200   change how it writes
:forget            begin a new text           :quit (or Ctrl-D)   leave
Ctrl-C             stop what is being written, and type on"""
NUMBERS = {"temperature": float, "top_k": int, "top_p": float, "seed": int, "length": int}


def converse(session: Session, prompt: str, sampling: Sampling, length: int, stop: str | None) -> int:
    """Read a line, write, and so on until the input ends or ``:quit``; returns the exit status."""
    show(f"{HELP}\n", DIM)
    if prompt:
        session.read(prompt)
        _write(session, prompt, sampling, length, stop)
    while True:
        try:
            line = input("› " if to_terminal() else "")
        except EOFError:
            show("\n")
            return 0
        except KeyboardInterrupt:
            show("\n:quit or Ctrl-D leaves\n", DIM)
            continue
        try:
            if line.startswith(":") and not line.startswith("::"):
                command = _command(line[1:])
                if command == "quit":
                    return 0
                if command == "forget":
                    session.forget()
                elif isinstance(command, dict):
                    length = command.pop("length", length)
                    sampling = dataclasses.replace(sampling, **command)
                    show(f"writes at most {length} symbols with {_described(sampling)}\n", DIM)
                continue
            text = line.removeprefix(":") if line.startswith("::") else line
            session.read(text)
            _write(session, text, sampling, length, stop)
        except UnrolledError as error:
            show(f"{error}\n", DIM)


def _write(session: Session, text: str, sampling: Sampling, length: int, stop: str | None) -> None:
    """The typed text again, and what the model adds; Ctrl-C stops it where it is."""
    show(text, BOLD)
    try:
        for piece in session.write(sampling, length, stop):
            show(piece)
            text = piece
    except KeyboardInterrupt:
        text = ""
    end_line(text)


def _described(sampling: Sampling) -> str:
    return ", ".join(f"{name.replace('_', '-')} {value}" for name, value in vars(sampling).items())


def _command(line: str) -> str | dict[str, Any]:
    """``quit``, ``forget``, ``help`` (shown), or options to change.

    Raises:
        ArgumentError: there is no such command, or its value is wrong.
    """
    word, _, value = line.strip().partition(" ")
    name = word.replace("-", "_").lower()
    if name in ("quit", "q", "exit"):
        return "quit"
    if name in ("forget", "reset"):
        return "forget"
    if name in ("help", "h", "?"):
        show(f"{HELP}\n", DIM)
        return "help"
    if name == "greedy":
        return {"greedy": value.strip() not in ("off", "no", "false")}
    if name not in NUMBERS:
        known = [*(n.replace("_", "-") for n in NUMBERS), "greedy", "forget", "help", "quit"]
        near = clause(did_you_mean(word, known)) or f"; there are {', '.join(':' + k for k in known)}"
        raise UnrolledError(f"no command :{word}{near}")
    try:
        number = NUMBERS[name](value)
    except ValueError:
        kind = "a number" if NUMBERS[name] is float else "a whole number"
        raise ArgumentError(f":{word}", kind, value) from None
    if name == "length":
        check_size(name, int(number), least=0)
    else:
        Sampling(**{name: number})  # refuses what is out of range
    return {name: number, "greedy": False} if name == "temperature" else {name: number}
