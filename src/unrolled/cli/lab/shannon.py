"""unrolled lab shannon [RUN] [--data TEXT] [--letters N]: guess the next letter (Shannon 1951)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from ... import api
from ...analysis.picture import check_picture
from ...cells import check_size
from ...data import Split, encode_text, open_corpus
from ...errors import ArgumentError, RunError
from ...lab.shannon import LETTERS, Game, fold, passage, play
from ...lab.shannon_picture import draw
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import BOLD, DIM, console, show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table

PROG = "unrolled lab shannon"
ABOUT = (
    "Guess the next letter of a text until it is found, then the next. How often the first guess is right, the second, "
    "and so on, bounds the entropy of the text from above and below (Shannon 1951). With a RUN its language model "
    "guesses, and its cross-entropy stands beside the bounds; without one you do, in 27 letters: a to z and space.\n\n"
    "A model plays with its own symbols, or with --alphabet 27 in 27 letters; it then still reads the text as it is, "
    "with case and punctuation."
)
ROWS = 12  # of the table
LINE, OPENING = 60, 300  # letters a person sees: before each guess, and at the beginning
LONGEST = 5_000_000  # characters of a text from which a person's passage is taken
HOW = "type the letter you expect next (space or _ for a space) and press Enter; Ctrl-D ends the game"


@dataclass(frozen=True, kw_only=True)
class Shannon:
    """Who guesses what."""

    run: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="RUN")] = None
    """a language model's folder, or a model.safetensors; without one you guess"""
    data: str | None = None
    """the text: a file, a folder, a pattern, "text:…" or a named corpus (default: the run's own test text; for you
    shakespeare)"""
    letters: int | None = None
    """letters to guess (default: 10000 for a model, 100 for you)"""
    alphabet: Literal["own", "27"] | None = None
    """own: the model's symbols; 27: a to z and space (default: own for a model, 27 for you)"""
    seed: int = 0
    """where in the text the game begins"""
    picture: str | None = None
    """draw the game into this file (.png, .svg or .pdf)"""
    cell: str | None = None
    """the model's cell, if it is one of your own (module:Class)"""
    json: bool = False
    """print one JSON object; with a RUN only"""

    def __post_init__(self) -> None:
        if self.letters is not None:
            check_size("letters", self.letters)
        check_size("seed", self.seed, least=0)
        if self.run is None and self.alphabet == "own":
            raise ArgumentError("alphabet", "27 without a RUN", self.alphabet)
        if self.run is None and self.json:
            raise ArgumentError("json", "left out without a RUN", self.json)
        if self.picture is not None:
            check_picture(Path(self.picture))


def run(argv: list[str]) -> int:
    """The experiment."""
    options = parse(Shannon, argv, PROG, ABOUT)
    with Schema(Shannon, PROG).names():
        if options.run is None:
            title, game = "You", person(options)
        else:
            title, game = options.run, guesses(options)
        if options.json:
            emit("shannon", run=options.run, letters=game.letters, counts=game.counts.tolist(), q=game.q.tolist(),
                 lower=game.lower, upper=game.upper, bits=game.bits)  # fmt: skip
        elif game.letters:
            report(game)
        if options.picture is not None and game.letters:
            draw(game, f"{title}: {game.letters:,} letters guessed", Path(options.picture))
    return 0


def guesses(options: Shannon) -> Game:
    """A model's game.

    Raises:
        RunError: the run's model is no language model.
    """
    letters = options.letters or 10_000
    assert options.run is not None
    model = api.load(options.run, cell=options.cell)
    if not isinstance(model, Writer):
        raise RunError(f"{options.run} is not a language model; only those play this game")
    text = text_of(model, options.run, options.data)
    counter = Counter(console(stderr=True), min(letters, max(1, len(text) - 1)), "letters")
    try:
        return play(model, text, letters, folded=options.alphabet == "27", seed=options.seed, progress=counter)
    finally:
        counter.close()


def text_of(model: Writer, run: str, data: str | None) -> Split:
    """The text that ``data`` names, in the model's symbols; `None`: its run's own test text.

    Raises:
        DataError: the text cannot be read.
        RunError: the run's own text cannot be read, or has changed.
    """
    if data is not None:
        return encode_text(model.corpus(data), model.vocabulary)
    return model.own_text("test", run)[1]


def person(options: Shannon) -> Game:
    """Your game; it ends early with the input or Ctrl-C."""
    text = ""
    for part, _ in open_corpus(options.data or "shakespeare", line_ends="unify").chunks():
        text += part
        if len(text) > LONGEST:
            break
    read, asked = passage(fold(text), options.letters or 100, options.seed)
    counts = np.zeros(len(LETTERS), dtype=np.int64)
    show(f"{HOW}\n\n", DIM)
    show(f"{read[-OPENING:-LINE]}\n" if len(read) > LINE else "")
    try:
        for letter in asked:
            counts[_attempts(read, letter) - 1] += 1
            read += letter
    except (EOFError, KeyboardInterrupt):
        pass
    show("\n\n")
    return Game(counts)


def _attempts(read: str, letter: str) -> int:
    """Ask until the letter is found; how many guesses it took."""
    tried: list[str] = []
    while True:
        typed = input(read[-LINE:]).strip().lower()
        guess = " " if typed in ("", "_") else typed
        if len(guess) != 1 or guess not in LETTERS:
            show("one letter, a to z, or _ for a space\n", DIM)
        elif guess in tried or (guess == " " and read.endswith(" ")):
            show("that one cannot be; another\n", DIM)
        elif guess == letter:
            return len(tried) + 1
        else:
            tried.append(guess)
            show(f"no: {' '.join('_' if one == ' ' else one for one in tried)}\n", BOLD)


def report(game: Game) -> None:
    """The table of guesses, and the bounds."""
    rows = [(str(i), f"{n:,}", f"{q:.4f}") for i, (n, q) in enumerate(zip(game.counts, game.q, strict=True), 1)]
    last = max(i for i, n in enumerate(game.counts, 1) if n)
    shown = rows[: min(last, ROWS)]
    if last > ROWS:
        shown.append((f"{ROWS + 1} to {last}", f"{game.counts[ROWS:].sum():,}", f"{game.q[ROWS:].sum():.4f}"))
    header = ("guess", "letters", "share q")
    show_table(header, shown, right=header)
    print()
    crossed = " (above the upper one: the guesser was often wrong about what is likeliest, or the game short)"
    pairs = [
        ("letters", f"{game.letters:,} guessed among {len(game.counts)}"),
        ("upper bound", f"{game.upper:.4f} bits per letter"),
        ("lower bound", f"{game.lower:.4f} bits per letter{crossed if game.lower > game.upper + 1e-9 else ''}"),
    ]
    if game.bits is not None:
        pairs.append(("cross-entropy", f"{game.bits:.4f} bits per letter, by the model's probabilities"))
    show_pairs(pairs)
