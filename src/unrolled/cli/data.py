"""unrolled data [NAME | PATH]: list the texts that have a name, fetch one, or look at one of yours."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from ..data import NAMED, Corpus, cache_folder, fetch, named_corpora, open_corpus
from ..data.characters import CharacterCounts
from ..data.digits import MNIST, mnist
from ..data.labelled import Layout
from ..data.labelled_sets import SETS, labelled_names, open_labelled
from ..data.parallel_sets import GENERATED, PUBLISHED, open_parallel, parallel_names
from ..data.registry import present
from ..data.tagged import NAMES, Source
from ..data.tags import entities
from ..data.textfile import told as told_of
from ..errors import ArgumentError
from .arguments import Schema, parse
from .data_read import As, read_as
from .reading import Reading
from .terminal.look import command, fitted, printable, size
from .terminal.reporters import emit
from .terminal.tables import show_pairs, show_table

PROG = "unrolled data"
ABOUT = (
    "Without an argument: list the texts that have a name. With a NAME: fetch that text and verify it. With a PATH or "
    "pattern: show what a model would be given to learn."
)
FIRST_LINES = 10


@dataclass(frozen=True, kw_only=True)
class Data(Reading):
    """Which text."""

    text: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="NAME|PATH")] = None
    """a named text; or a file, a folder, a pattern or "text:…" """
    separator: str | None = None
    """cut files into documents after each of these"""
    encoding: str = "utf-8"
    """encoding of the files"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    line_ends: Literal["unify", "keep"] = "unify"
    """unify: line ends of Windows and old Macs (CRLF, CR) are read as \\n; keep: they are not"""
    delimiter: str = "auto"
    """what separates the columns of a table: one character, or tab (default: look)"""
    task: Literal["lm", "classify", "tag", "translate"] | None = None
    """show how this task would read the file, too (default: those that its name tells)"""
    json: bool = False
    """print one JSON object per line"""


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Data, argv, PROG, ABOUT)
    with Schema(Data, PROG).names():
        told = options.told(options.task or "", "left out unless --task is that of a {}")
        if told and (
            options.text is None or options.text in {*named_corpora(), *SETS, *NAMES, *parallel_names(), "mnist"}
        ):
            name, value = next(iter(told.items()))
            raise ArgumentError(name, "left out without a file", value)
        if options.text is None:
            _list(options.json)
        elif options.text in NAMES:
            _describe_tagged(options.text, options.json)
        elif options.text in labelled_names():
            _describe_labelled(options.text, options.json)
        elif options.text in parallel_names():
            _describe_parallel(options.text, options.json)
        elif options.text == "mnist":
            _describe_mnist(options.json)
        else:
            if options.text in NAMED and not options.json:
                print(f"{options.text}: {fetch(options.text)} (verified)")
            corpus = open_corpus(
                options.text,
                separator=options.separator,
                encoding=options.encoding,
                errors=options.errors,
                line_ends=options.line_ends,
            )
            read = read_as(options.text, options.task, told, options.delimiter, options.encoding, options.errors)
            _describe(options.text, corpus, read, options.json)
    return 0


def _list(as_json: bool) -> None:
    rows = []
    for name, title in named_corpora().items():
        if name in NAMED:
            rows.append(_row(name, title, "lm", [name]))
        else:  # the standard library
            rows.append((name, title, "lm", "PSF", _length(open_corpus(name)), "yes"))
    for task, sets in (("classify", SETS), ("tag", NAMES)):
        for name, named in sets.items():
            rows.append(_row(name, named.title, task, [named.train, *([named.test] if named.test else [])]))
    rows += [(name, title, "translate", "", 0, "yes") for name, (title, _) in GENERATED.items()]
    rows += [_row(name, one.title, "translate", [*one.train, *one.test]) for name, one in PUBLISHED.items()]
    rows.append(_row("mnist", "70,000 pictures of handwritten digits (MNIST)", "memory", [*MNIST]))
    if as_json:
        for name, title, task, licence, length, here in rows:
            emit("corpus", name=name, title=title, task=task, licence=licence, bytes=length, present=here == "yes")
        return
    table = [
        (name, title, task, licence, size(length) if length else "", here)
        for name, title, task, licence, length, here in rows
    ]
    show_table(("name", "text", "for", "licence", "size", "here"), table, right=("size",))
    print(f"\ndownloads go to {cache_folder() / 'datasets'} (UNROLLED_CACHE); UNROLLED_DATA is looked in first")
    print(f"any text of yours: {command('train', 'lm', '--data', 'PATH')}")


Row = tuple[str, str, str, str, int, str]


def _row(name: str, title: str, task: str, files: list[str]) -> Row:
    """What the list says of a named set that is kept in these files."""
    missing = [file for file in files if not present(file)]
    urls = all(NAMED[file].url for file in missing)
    here = "yes" if not missing else "no: downloaded when used" if urls else f"no: see unrolled data {name}"
    return name, title, task, NAMED[files[0]].licence, sum(NAMED[file].size for file in files), here


def _describe_labelled(name: str, as_json: bool) -> None:
    """Read a set of labelled texts and say what is in it."""
    sets = open_labelled(name, Layout())
    parts = {part: getattr(sets, part) for part in ("train", "valid", "test")}
    classes = Counter(label for examples in parts.values() for label in examples.labels)
    if as_json:
        emit("labelled", name=name, classes=dict(classes), **{part: len(one) for part, one in parts.items()})
        return
    show_pairs(
        [
            ("set", f"{name}: {labelled_names()[name]}"),
            *((part, f"{len(examples):,} texts") for part, examples in parts.items()),
            ("classes", ", ".join(f"{label} ({count:,})" for label, count in classes.most_common(20))),
            ("train with", command("train", "classify", "--data", name)),
        ]
    )
    print()
    for text, label in zip(sets.train.texts[:FIRST_LINES], sets.train.labels, strict=False):
        print(f"  {printable(label)}  {printable(text)[:100]}")


def _describe_mnist(as_json: bool) -> None:
    """Read the digits and say how many there are."""
    parts = {part: len(mnist(part).labels) for part in ("train", "valid", "test")}
    if as_json:
        emit("digits", name="mnist", **parts)
        return
    ways = [command("train", "memory", way) for way in ("mnist-rows", "mnist-pixels", "mnist-permuted")]
    show_pairs([*((part, f"{count:,} pictures") for part, count in parts.items()), ("train with", ", ".join(ways))])


def _describe_tagged(name: str, as_json: bool) -> None:
    """Read a set of tagged sentences and say what is in it."""
    tagged = Source(name).read()
    parts = {part: len(getattr(tagged, part)) for part in ("train", "valid", "test")}
    types = Counter(found.type for one in tagged.train for found in entities(one.tags))
    if as_json:
        emit("tagged", name=name, entities=dict(types), **parts)
        return
    show_pairs(
        [
            ("set", f"{name}: {NAMES[name].title}"),
            *((part, f"{count:,} sentences") for part, count in parts.items()),
            ("entities", ", ".join(f"{type} ({count:,})" for type, count in types.most_common(20))),
            ("train with", command("train", "tag", "--data", name)),
        ]
    )
    print()
    for one in tagged.train[:FIRST_LINES]:
        print(f"  {printable(' '.join(one.words))[:100]}")


def _describe_parallel(name: str, as_json: bool) -> None:
    """Read a set of pairs and say what is in it."""
    sets = open_parallel(name)
    parts = {part: getattr(sets, part) for part in ("train", "valid", "test")}
    sides = {"source": sets.train.source, "target": sets.train.target}
    words = {side: sorted(len(text.split()) for text in texts) for side, texts in sides.items()}
    characters = {side: sorted(map(len, texts)) for side, texts in sides.items()}
    lengths = {
        side: {
            "words": [words[side][len(texts) // 2], words[side][-1]],
            "characters": [characters[side][len(texts) // 2], characters[side][-1]],
        }
        for side, texts in sides.items()
    }
    if as_json:
        emit("parallel", name=name, lengths=lengths, **{part: len(one) for part, one in parts.items()})
        return
    show_pairs(
        [
            ("set", f"{name}: {parallel_names()[name]}"),
            *((part, f"{len(pairs):,} pairs") for part, pairs in parts.items()),
            *(
                (side, ", ".join(f"{half} {unit}, at most {most}" for unit, (half, most) in one.items()))
                for side, one in lengths.items()
            ),
            ("train with", command("train", "translate", "--data", name)),
        ]
    )
    print()
    for source, target in zip(sets.train.source[:FIRST_LINES], sets.train.target, strict=False):
        print(f"  {printable(source)[:100]}\n    → {printable(target)[:100]}")


def _length(corpus: Corpus) -> int:
    return sum(file.path.stat().st_size for file in corpus.files if hasattr(file, "path"))


def _describe(name: str, corpus: Corpus, read: list[As], as_json: bool) -> None:
    """Read the whole text once and say what it is, and how tasks would read it."""
    changed: set[str] = set()
    counts, characters, documents, opening = CharacterCounts(), 0, 0, ""
    for text, starts in corpus.chunks(changed):
        counts.add(text)
        characters += len(text)
        documents += len(starts)
        if opening.count("\n") <= FIRST_LINES and len(opening) < 10_000:
            opening += text[:10_000]
    symbols = int((counts.table > 0).sum())
    rare = int(((counts.table > 0) & (counts.table < 10)).sum())
    if as_json:
        emit(
            "text",
            name=name,
            files=len(corpus.files),
            characters=characters,
            symbols=symbols,
            documents=documents,
            rare=rare,
            notes=[*corpus.notes, *told_of(changed)],
            read=[{"task": one.task, "how": one.how, "first": one.first} for one in read],
        )
        return
    seen = f"{symbols:,} different characters" + (f", {rare:,} of them fewer than ten times" if rare else "")
    show_pairs(
        [
            ("text", name),
            ("files", f"{len(corpus.files):,}{' (' + '; '.join(corpus.notes) + ')' if corpus.notes else ''}"),
            ("documents", f"{documents:,}"),
            ("characters", f"{characters:,}"),
            ("symbols", seen),
            *(("", note) for note in told_of(changed, "; --line-ends keep keeps them")),
            ("train with", command("train", "lm", "--data", name)),
            *(
                row
                for one in read
                for row in ((f"for {one.task}", one.how), *(("", fitted(example, 100)) for example in one.first))
            ),
        ]
    )
    print()
    for line in printable(opening).splitlines()[:FIRST_LINES]:
        print(f"  {line[:110]}")
