"""unrolled sample RUN --interactive: the user and the model write in turn."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..cells import check_size
from ..decoding import Sampling, Session
from ..errors import ArgumentError, UnrolledError, clause, did_you_mean
from .terminal.look import BOLD, DIM, end_line, show, to_terminal

HELP = """type a prompt and press Enter: the model continues it; Enter alone: it continues its own text
:temperature 0.5   :top-k 20   :top-p 0.9   :greedy   :seed 3   :length 200   change the sampling
:forget            start a new text           :quit (or Ctrl-D)   leave
Ctrl-C             stop generating"""
NUMBERS = {"temperature": float, "top_k": int, "top_p": float, "seed": int, "length": int}


def converse(session: Session, prompt: str, sampling: Sampling, length: int, stop: str | None) -> int:
    """Read a line and generate text in turn, until the input ends or ``:quit``; return the exit status."""
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
                    show(f"at most {length} tokens with {_described(sampling)}\n", DIM)
                continue
            text = line.removeprefix(":") if line.startswith("::") else line
            session.read(text)
            _write(session, text, sampling, length, stop)
        except UnrolledError as error:
            show(f"{error}\n", DIM)


def _write(session: Session, text: str, sampling: Sampling, length: int, stop: str | None) -> None:
    """Print the typed text and the model's continuation; Ctrl-C stops it."""
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
    """Run a command line: return ``quit``, ``forget``, ``help`` (already shown), or the options to change.

    Raises:
        UnrolledError: the command is unknown, or its value is invalid.
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
        near = clause(did_you_mean(word, known)) or f"; the commands are {', '.join(':' + k for k in known)}"
        raise UnrolledError(f"no command :{word}{near}")
    try:
        number = NUMBERS[name](value)
    except ValueError:
        kind = "a number" if NUMBERS[name] is float else "an integer"
        raise ArgumentError(f":{word}", kind, value) from None
    if name == "length":
        check_size(name, int(number), least=0)
    else:
        Sampling(**{name: number})  # checks the range
    return {name: number, "greedy": False} if name == "temperature" else {name: number}
