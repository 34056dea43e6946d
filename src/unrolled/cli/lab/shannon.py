"""unrolled lab shannon [RUN] [--data TEXT] [--letters N]: Shannon's guessing game (Shannon 1951)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from ... import api
from ...analysis.picture import check_picture
from ...cells import check_size
from ...data import Corpus, Split, encode_text, open_corpus
from ...data.generated_reviews import reviews
from ...data.registry import present
from ...data.textfile import LiteralText
from ...errors import ArgumentError, RunError
from ...lab.shannon import LETTERS, Game, fold, passage, play
from ...lab.shannon_picture import draw
from ...tasks.common.writer import Writer
from ..arguments import Schema, parse
from ..terminal.console import Counter
from ..terminal.look import BOLD, DIM, console, show
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .experiment_folder import ExperimentFolder

PROG = "unrolled lab shannon"
ABOUT = (
    "Guess each letter of a text until the guess is right. The frequencies of the numbers of guesses bound the entropy "
    "of the text from above and below (Shannon 1951). With a RUN its language model guesses, and its cross-entropy is "
    "printed with the bounds; without one you guess, in 27 letters: a to z and space.\n\n"
    "A model guesses its own tokens, or with --alphabet 27 the 27 letters; it then still reads the original text, with "
    "case and punctuation."
)
ROWS = 12  # rows of the table
LINE, OPENING = 60, 300  # letters shown to the user: before each guess, and at the start
LONGEST = 5_000_000  # characters of the text among which the user's passage is chosen
HOW = "type the letter you expect next (space or _ for a space) and press Enter; Ctrl-D ends the game"


@dataclass(frozen=True, kw_only=True)
class Shannon:
    """Guesser and text."""

    run: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="RUN")] = None
    """run folder or model.safetensors of a language model (default: you guess)"""
    data: str | None = None
    """file, folder, pattern, "text:…" or named corpus (default: the run's test text, or local text)"""
    letters: int | None = None
    """number of letters to guess (default: 10000, or 100 for you)"""
    alphabet: Literal["own", "27"] | None = None
    """own: the model's tokens; 27: a to z and space (default: own, or 27 for you)"""
    seed: int = 0
    """seed of the start position in the text"""
    picture: str | None = None
    """picture file: .png, .svg or .pdf (default: in the output folder)"""
    out: str | None = None
    """output folder (default: lab/shannon)"""
    cell: str | None = None
    """the model's custom cell (module:Class)"""
    json: bool = False
    """print one JSON object (with a RUN only)"""

    def __post_init__(self) -> None:
        if self.letters is not None:
            check_size("letters", self.letters)
        check_size("seed", self.seed, least=0)
        if self.run is None and self.alphabet == "own":
            raise ArgumentError("alphabet", "27 without a RUN", self.alphabet)
        if self.run is None and self.json:
            raise ArgumentError("json", "omitted without a RUN", self.json)
        if self.picture is not None:
            check_picture(Path(self.picture))


def run(argv: list[str]) -> int:
    """Run the experiment and return the exit status."""
    options = parse(Shannon, argv, PROG, ABOUT)
    with Schema(Shannon, PROG).names():
        if options.run is None:
            title, passages = "You", _passage(options)
            folder = ExperimentFolder("shannon", argv, options.out)  # before the user takes any trouble
            game = person(*passages)
        else:
            title, game = options.run, guesses(options)
            folder = ExperimentFolder("shannon", argv, options.out)
        if game.letters:
            path = None if options.picture is None else Path(options.picture)
            folder.picture(lambda path: draw(game, f"{title}: {game.letters:,} letters guessed", path), path=path)
            shares = zip(game.counts.tolist(), game.q.tolist(), strict=True)
            folder.table(("guess", "letters", "share"), ((i, *row) for i, row in enumerate(shares, 1)))
    if options.json:
        emit("shannon", run=options.run, letters=game.letters, counts=game.counts.tolist(), q=game.q.tolist(),
             lower=game.lower, upper=game.upper, bits=game.bits, files=dict(folder.summary))  # fmt: skip
    elif game.letters:
        report(game, folder.summary)
    return 0


def guesses(options: Shannon) -> Game:
    """Play a model's game.

    Raises:
        RunError: the run is not a language model.
    """
    letters = options.letters or 10_000
    assert options.run is not None
    model = api.load(options.run, cell=options.cell)
    if not isinstance(model, Writer):
        raise RunError(f"{options.run} is not a language model; name a run of a language model")
    text = text_of(model, options.run, options.data)
    counter = Counter(console(stderr=True), min(letters, max(1, len(text) - 1)), "letters")
    try:
        return play(model, text, letters, folded=options.alphabet == "27", seed=options.seed, progress=counter)
    finally:
        counter.close()


def text_of(model: Writer, run: str, data: str | None) -> Split:
    """Return the text that ``data`` names, in the model's tokens; `None`: the run's own test text.

    Raises:
        DataError: the text cannot be read.
        RunError: the run's own text cannot be read, or has changed.
    """
    if data is not None:
        return encode_text(model.corpus(data), model.vocabulary)
    return model.own_text("test", run)[1]


def _passage(options: Shannon) -> tuple[str, str]:
    """Return the text to read and the letters to guess."""
    text = ""
    for part, _ in _corpus(options.data).chunks():
        text += part
        if len(text) > LONGEST:
            break
    return passage(fold(text), options.letters or 100, options.seed)


def _corpus(data: str | None) -> Corpus:
    """Return the named text; by default Shakespeare's plays if they are on this machine, else generated reviews."""
    if data is None and present("shakespeare") is None:
        show("generated reviews; with --data shakespeare, Shakespeare's plays are downloaded\n", DIM)
        return Corpus("reviews", [LiteralText(" ".join(reviews(0, 2000).texts))])
    return open_corpus(data or "shakespeare", line_ends="unify")


def person(read: str, letters: str) -> Game:
    """Play the user's game, which ends early at the end of the input or with Ctrl-C.

    Args:
        read: the text before the letters.
        letters: the letters to guess.
    """
    counts = np.zeros(len(LETTERS), dtype=np.int64)
    show(f"{HOW}\n\n", DIM)
    show(f"{read[-OPENING:-LINE]}\n" if len(read) > LINE else "")
    try:
        for letter in letters:
            counts[_attempts(read, letter) - 1] += 1
            read += letter
    except (EOFError, KeyboardInterrupt):
        pass
    show("\n\n")
    return Game(counts)


def _attempts(read: str, letter: str) -> int:
    """Prompt until the letter is guessed, and return the number of guesses."""
    tried: list[str] = []
    while True:
        typed = input(read[-LINE:]).strip().lower()
        guess = " " if typed in ("", "_") else typed
        if len(guess) != 1 or guess not in LETTERS:
            show("one letter, a to z, or _ for a space\n", DIM)
        elif guess in tried or (guess == " " and read.endswith(" ")):
            show("already excluded; try another letter\n", DIM)
        elif guess == letter:
            return len(tried) + 1
        else:
            tried.append(guess)
            show(f"no: {' '.join('_' if guess == ' ' else guess for guess in tried)}\n", BOLD)


def report(game: Game, files: list[tuple[str, str]]) -> None:
    """Print the table of guesses, the bounds, and the files."""
    rows = [(str(i), f"{n:,}", f"{q:.4f}") for i, (n, q) in enumerate(zip(game.counts, game.q, strict=True), 1)]
    last = max(i for i, n in enumerate(game.counts, 1) if n)
    shown = rows[: min(last, ROWS)]
    if last > ROWS:
        shown.append((f"{ROWS + 1} to {last}", f"{game.counts[ROWS:].sum():,}", f"{game.q[ROWS:].sum():.4f}"))
    header = ("guess", "letters", "share q")
    show_table(header, shown, right=header)
    print()
    crossed = " (above the upper bound: the guesser often ranked letters wrongly, or the game was short)"
    pairs = [
        ("letters", f"{game.letters:,} guessed, alphabet of {len(game.counts)}"),
        ("upper bound", f"{game.upper:.4f} bits per letter"),
        ("lower bound", f"{game.lower:.4f} bits per letter{crossed if game.lower > game.upper + 1e-9 else ''}"),
    ]
    if game.bits is not None:
        pairs.append(("cross-entropy", f"{game.bits:.4f} bits per letter, of the model"))
    show_pairs([*pairs, *files])
