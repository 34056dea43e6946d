"""Parse command lines into dataclasses, with tyro.

The dataclass is the schema: fields are flags, their types and defaults are the rules, their docstrings the help. Before
tyro parses a command line, `Schema.normalise` rewrites every flag as ``--name=value``: it translates other tools' names
(``-rnn_size`` of char-rnn becomes ``--hidden-size``) and rejects unknown flags with the nearest known ones. After it,
tyro's errors are reported in one line instead of a box.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import sys
import textwrap
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from ..errors import ArgumentError, UnrolledError, clause, did_you_mean
from ..training.config import ALIASES, FLAGS

C = TypeVar("C")
INTEGERS = tuple[int, ...]


def parse(cls: type[C], argv: Sequence[str], prog: str, about: str, default: C | None = None) -> C:
    """Parse ``argv`` into an instance of the dataclass ``cls``.

    Args:
        cls: the dataclass; its fields that are dataclasses are groups of flags, without a prefix.
        argv: the arguments after ``prog``; ``--help`` prints the help and raises `SystemExit`.
        prog: the command, for messages.
        about: the help's description of the command.
        default: the values of omitted flags.

    Raises:
        UnrolledError: a flag is unknown, or a value is invalid or missing.
    """
    schema = Schema(cls, prog)
    words = schema.normalise(argv)
    out, err = io.StringIO(), io.StringIO()
    given: dict[str, Any] = {} if default is None else {"default": default}
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return tyro.cli(
                cls,
                args=words,
                prog=prog,
                description=about,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone, tyro.conf.UseAppendAction),
                registry=_lists(),
                **given,
            )
    except SystemExit as stop:
        if not stop.code:
            sys.stdout.write(schema.usage(_with_flags(_without_none(out.getvalue()))))
            raise
        raise schema.explain(stop, err.getvalue(), words) from None
    except ArgumentError as error:
        raise schema.renamed(error) from None


def given(cls: type, argv: Sequence[str], prog: str) -> dict[str, str]:
    """Return the flags in ``argv``, by our names, with their unchecked values as text."""
    words = Schema(cls, prog).normalise(argv)
    pairs = (word[2:].partition("=") for word in words if word.startswith("--"))
    return {name.replace("-", "_"): value for name, _, value in pairs}


class Schema:
    """The flags of a dataclass, and messages about them."""

    def __init__(self, cls: type, prog: str) -> None:
        self.prog = prog
        self.flags: dict[str, Any] = {}  # our name → type
        self.positionals: list[str] = []
        self.several = False  # whether the last positional takes any number of arguments
        self.required = 0  # number of positionals without a default
        self._collect(cls)
        self.aliases = {alias: name for alias, name in ALIASES.items() if name in self.flags}

    def _collect(self, cls: type) -> None:
        for name, hint in typing.get_type_hints(cls, include_extras=True).items():
            plain = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
            if dataclasses.is_dataclass(plain):
                self._collect(typing.cast(type, plain))
            elif typing.get_origin(hint) is typing.ClassVar or tyro.conf.Suppress in getattr(hint, "__metadata__", ()):
                continue
            elif tyro.conf.Positional in getattr(hint, "__metadata__", ()):
                self.positionals.append(name)
                self.several = typing.get_origin(plain) is tuple
                self.required += cls.__dataclass_fields__[name].default is dataclasses.MISSING  # type: ignore[attr-defined]
            else:
                self.flags[name] = plain

    def normalise(self, argv: Sequence[str]) -> list[str]:
        """Return positionals unchanged, and flags by our names as ``--name=value``, ``--name`` or ``--no-name``."""
        found = self.options(argv)
        several: dict[str, list[str]] = {}  # a list of integers may be given at once or flag by flag
        for name, words in found:
            if self.flags.get(name) == INTEGERS:
                several.setdefault(name, []).append(words[0].partition("=")[2])
        lists = [f"--{name.replace('_', '-')}={','.join(values)}" for name, values in several.items()]
        return [word for name, words in found if name not in several for word in words] + lists

    def options(self, argv: Sequence[str]) -> list[tuple[str, list[str]]]:
        """Return each option's name (empty for a positional) and its normalised arguments, in order."""
        words, out, positionals = list(argv), list[tuple[str, list[str]]](), 0
        while words:
            word = words.pop(0)
            match = re.fullmatch(r"--?([A-Za-z][\w-]*)(?:=(.*))?", word, re.DOTALL)
            if match is None:
                positionals += 1
                if positionals > len(self.positionals) and not self.several:
                    raise UnrolledError(f"{self.prog} got an unexpected argument {word!r}; {self._see()}")
                out.append(("", [word]))
            elif word in ("-h", "--help"):
                out.append(("help", ["--help"]))
            else:
                out.append(self._flag(word, match[1], match[2], words))
        if self.several and positionals < self.required and ("help", ["--help"]) not in out:
            raise self._missing_positional(positionals)
        return out

    def _flag(self, word: str, text: str, value: str | None, rest: list[str]) -> tuple[str, list[str]]:
        """Return a flag's name and normalised arguments; take its values from ``rest``."""
        name, negated = self._find(text)
        if name is None:
            spelled = word.partition("=")[0]
            typed = _dashed(text.replace("-", "_"))
            near = clause(did_you_mean(typed, map(_dashed, [*self.flags, *self.aliases])))
            raise UnrolledError(f"{self.prog} has no option {spelled}{near or f'; {self._see()}'}")
        flag, hint = _dashed(name), _without_optional(self.flags[name])
        if hint is bool:
            if value is not None and value.lower() not in _YES | _NO:
                raise ArgumentError(flag, "given without a value", value, f"--no-{flag[2:]} negates it")
            on = not negated if value is None else (value.lower() in _YES) != negated
            return name, [_word(name) if on else f"--no-{_word(name)[2:]}"]
        if typing.get_origin(hint) is tuple and not _repeatable(hint):
            count = len(typing.get_args(hint))
            if value is None and rest and "," in rest[0]:
                value = rest.pop(0)
            values = [v for v in re.split(r"[,\s]+", value) if v] if value is not None else []
            while value is None and rest and len(values) < count and not self._is_flag(rest[0]):
                values.append(rest.pop(0))
            if len(values) != count:
                raise ArgumentError(flag, f"followed by {count} numbers", " ".join(values))
            return name, [_word(name), *values]
        if hint == INTEGERS:
            given = [] if value is None else [value]
            while value is None and rest and not self._is_flag(rest[0]):
                given.append(rest.pop(0))
            numbers = " ".join(given).replace(",", " ").split()
            if not numbers or not all(re.fullmatch(r"[+-]?\d{1,18}", number) for number in numbers):
                raise ArgumentError(flag, "followed by integers", " ".join(given) or "nothing")
            return name, [f"{_word(name)}={','.join(numbers)}"]
        if value is None:
            if not rest or self._is_flag(rest[0]):
                raise UnrolledError(f"{flag} needs a value: {self.expected(name)}; {self._see()}")
            value = rest.pop(0)
        if hint is int and re.fullmatch(r"[+-]?\d{19,}", value):
            raise ArgumentError(flag, "an integer of fewer than 19 digits", value)  # torch counts in 64 bits
        return name, [f"{_word(name)}={value}"]

    def _find(self, text: str) -> tuple[str | None, bool]:
        """Return our name for a flag as typed (without dashes), and whether ``no-`` negates it."""
        name = text.replace("-", "_")
        for candidate, negated in ((name, False), (name.removeprefix("no_"), True)):
            found = candidate if candidate in self.flags else self.aliases.get(candidate)
            if found is not None and (not negated or _without_optional(self.flags[found]) is bool):
                return found, negated and candidate != name
        return None, False

    def _is_flag(self, word: str) -> bool:
        match = re.fullmatch(r"--?([A-Za-z][\w-]*)(?:=.*)?", word, re.DOTALL)
        return match is not None and (self._find(match[1])[0] is not None or word in ("-h", "--help"))

    def names_in_line(self) -> str:
        """Return all flags in one line."""
        return " ".join(map(_dashed, self.flags))

    def expected(self, name: str) -> str:
        """Return a description of a flag's valid values."""
        hint = _without_optional(self.flags[name])
        if choices := self.choices(name):
            return f"one of {', '.join(choices)}"
        if typing.get_origin(hint) is tuple and not _repeatable(hint):
            return f"followed by {len(typing.get_args(hint))} numbers"
        words = [str(word) for member in typing.get_args(self.flags[name]) for word in typing.get_args(member)]
        return " or ".join([{int: "an integer", float: "a number"}.get(hint, "a text"), *words])

    def choices(self, name: str) -> list[str]:
        """Return a flag's valid values, if it has a fixed list of them."""
        hint = _without_optional(self.flags[name])
        return [str(value) for value in typing.get_args(hint)] if typing.get_origin(hint) is Literal else []

    def explain(self, stop: SystemExit, message: str, words: list[str]) -> UnrolledError:
        """Return the error behind tyro's exit: that of a dataclass's check, or one derived from the schema."""
        cause: BaseException | None = stop
        while cause is not None:
            if isinstance(cause, ArgumentError):
                return self.renamed(cause)
            cause = cause.__cause__ or cause.__context__
        plain = " ".join(re.sub(r"[│╭╮╰╯─]+|-{4,}", " ", message).split())
        if foreign := re.search(r"Unrecognized options:? (?!Unrecognized)(\S+)", plain):
            remedy = "give every value its own flag" if foreign[1] in words[1:] else ""
            raise ArgumentError("arguments", "those of this command", foreign[1], remedy or self._see())
        flag = next((m for m in re.findall(r"--[a-z][a-z0-9-]*", plain) if m != "--help"), None)
        name = flag[2:].replace("-", "_") if flag else ""
        if flag and name in self.flags:
            value = _value(flag, words)
            near = did_you_mean(value, self.choices(name))
            return ArgumentError(_dashed(name), self.expected(name), value, near)
        present = sum(not word.startswith("--") for word in words)
        if present < self.required:
            return self._missing_positional(present)
        return UnrolledError(f"{plain.partition(' For full helptext')[0]}; {self._see()}")

    def renamed(self, error: ArgumentError) -> ArgumentError:
        """Return the same error, naming the option as on the command line."""
        if error.name not in self.flags:
            return error
        return ArgumentError(_dashed(error.name), error.expected, error.received, error.remedy)

    def usage(self, text: str) -> str:
        """Put optional positional arguments in brackets in the first line of the help."""
        first, end, rest = text.partition("\n")
        for name in self.positionals[self.required :]:
            first = re.sub(rf" {name.upper()}$", f" [{name.upper()}]", first)
        return first + end + rest

    @contextlib.contextmanager
    def names(self) -> Iterator[None]:
        """Rename the option in an `ArgumentError` raised within, as in `renamed`."""
        try:
            yield
        except ArgumentError as error:
            raise self.renamed(error) from error

    def _missing_positional(self, present: int) -> UnrolledError:
        return UnrolledError(f"{self.prog} needs {self.positionals[present].upper()}; {self._see()}")

    def _see(self) -> str:
        return f"see {self.prog} --help"


_YES, _NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def _without_optional(hint: Any) -> Any:
    """Return ``X`` for ``X | None``."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(a for a in typing.get_args(hint) if a is not type(None))
    return hint


def _repeatable(hint: Any) -> bool:
    """Return whether a flag can be repeated, with one value each time."""
    return typing.get_args(hint)[1:] == (Ellipsis,)


def _lists() -> ConstructorRegistry:
    """Return tyro's rule for lists of integers: one value, ``3,4,5``."""
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def integers(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[tuple[int, ...]] | None:
        if (typing.get_origin(info.type), typing.get_args(info.type)) != (tuple, (int, Ellipsis)):
            return None  # not compared with INTEGERS: tyro turns it into typing.Tuple for a default of two numbers
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="INT …",
            instance_from_str=lambda words: tuple(map(int, words[0].split(","))),
            is_instance=lambda value: isinstance(value, tuple),
            str_from_instance=lambda value: [",".join(map(str, value))],
        )

    return registry


def _word(name: str) -> str:
    """Return a flag as tyro knows it, by the name of the field."""
    return "--" + name.replace("_", "-")


def _dashed(name: str) -> str:
    return "--" + FLAGS.get(name, name).replace("_", "-")


def _value(flag: str, words: list[str]) -> str:
    """Return the last value of ``flag`` in normalised arguments."""
    for at, word in reversed(list(enumerate(words))):
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
        if word == flag:
            return " ".join(w for w in words[at + 1 : at + 4] if not w.startswith("--"))
    return ""


def _without_none(text: str) -> str:
    """Remove ``(default: None)``, ``(default: '')`` and the like from the help, whose text states such defaults.

    The opposite of a flag ``--no-…``, ``--no-no-…``, is accepted but not shown.
    """
    text = re.sub(r", --no-no-[\w-]+", lambda m: " " * len(m[0]), text)
    blanked = re.sub(r"\(default:[\s│]*(?:None|'')?\)", lambda m: re.sub(r"[^\s│]", "\0", m[0]), text)
    lines = [line.rstrip() for line in blanked.split("\n") if "\0" not in line or re.search(r"[^\0\s│]", line)]
    return _reflowed("\n".join(line.replace("\0", " ").rstrip() for line in lines))


def _with_flags(text: str) -> str:
    """Show the flags of `FLAGS`, which tyro names as in Python, without moving the texts beside them."""
    for name, flag in FLAGS.items():
        long, short = f"--{name.replace('_', '-')}", f"--{flag}"
        text = re.sub(rf"(?m){long}( \S+|$)", rf"{short}\g<1>{' ' * (len(long) - len(short))}", text)
    return text


def _reflowed(text: str) -> str:
    """Wrap the description and each flag's text to full width: tyro keeps the line breaks of docstrings."""
    lines, out = text.split("\n"), list[str]()
    column = next((match.end() for line in lines if (match := re.match(r"  -h, --help +", line))), 24)
    indent = " " * column
    width = max((len(line) for line in lines if line.strip(" -") == ""), default=100) - column
    while lines:
        line = lines.pop(0)
        beside = line[column - 2 : column] == "  "  # the text begins beside the flag, not below it
        flag, words = (line[:column], line[column:]) if beside else (line, "")
        if not flag.startswith("  -"):
            about = line[:1].isalpha() and not line.startswith("usage:")
            out += textwrap.wrap(line, column + width, break_on_hyphens=False) if about else [line]
            continue
        while lines and re.match(rf"{indent}\S", lines[0]):
            words += " " + lines.pop(0).strip()
        words = re.sub(r"(\(default: [^()]*\)) \(default: [^()]*\)$", r"\1", words.strip())  # the text states it
        wrapped = textwrap.wrap(words, width, break_on_hyphens=False, break_long_words=False)
        first, *rest = wrapped or [""]
        out += [f"{flag}{first}"] if beside else [flag, *([f"{indent}{first}"] if first else [])]
        out += [f"{indent}{line}" for line in rest]
    return "\n".join(out)
