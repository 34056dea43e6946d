"""A trained translator in use: let it translate, measure it, see where it looked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import results
from ...analysis.alignment import alignment_text
from ...analysis.inspection import Inspection
from ...checks import Size, checked_methods
from ...data.batches import in_order, pad
from ...data.bitext import Pairs
from ...data.exchanged import closer_to_target
from ...data.vocabulary import Ids
from ...errors import ArgumentError
from ...results import Input, Prediction, Progress, Report, is_blank, silent
from ...training.modelfile import ModelFile
from ..common.prediction import Part, predict_nonblank
from ..common.recurrent import restored
from ..common.trained import Modules, Trained
from .evaluation import Evaluate, evaluation
from .exported import modules
from .inspection import reading, translation
from .metrics import Measures, perplexity
from .model import Translator, inside, shifted
from .pairs import find
from .predictions import Predict, predictions
from .scores import Scores, score
from .units import END, Language, shown
from .writing import Decoding, Translated, search

BATCH = 64  # sentences
ROWS = 512  # hypotheses of a batch: a bound for its memory
SLICE = 4096  # words whose logits are there at once
WIDTH = 76  # of an alignment in a preview: a terminal of 80 columns frames it


@checked_methods
class TrainedTranslator(Trained):
    """What `unrolled.load` gives for a run of the task ``translate``.

    Args:
        model: the translator.
        reader, writer: the two languages.
        config: the config it was trained with.
        fingerprint: of the pairs it was trained on.
        words: the most frequent ones of each side, by which texts in the wrong language are told.
    """

    task: ClassVar[str] = "translate"
    panes: ClassVar[tuple[str, ...]] = ("text", "training", "translation")
    loss_unit: ClassVar[str] = "nats"
    model: Translator

    def __init__(
        self,
        model: Translator,
        reader: Language,
        writer: Language,
        config: Any,
        fingerprint: str | None = None,
        words: Any = None,
    ) -> None:
        self.model, self.reader, self.writer = model.eval(), reader, writer
        self.config, self.fingerprint = config, fingerprint
        words = words if isinstance(words, dict) else {}  # from anyone
        lists = (words.get(side) for side in ("source", "target"))
        self._words = [set(map(str, one)) if isinstance(one, list) else set() for one in lists]

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedTranslator:
        """Build the model a file describes and fill in its weights."""
        reader, writer = (Language.from_json(file.assets.get(side)) for side in ("source", "target"))
        model = restored(
            file, config.model, lambda: Translator(len(reader), len(writer), config.model, config.translator)
        )
        return cls(model, reader, writer, config, file.assets.get("data"), file.assets.get("words"))

    def translate(
        self,
        texts: Sequence[str],
        *,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> list[list[Translated]]:
        """The ``n_best`` translations of each sentence, best first.

        Args:
            texts: sentences.
            progress: told how many are done.
            options: those of `Decoding` by name, where they are to differ from the run's (`Decoding.changed`).

        Raises:
            ArgumentError: a sentence is empty or longer than ``max_symbols``, or an option is wrong.
        """
        encoded = [self.reader.encode(text) for text in texts]
        for text, ids in zip(texts, encoded, strict=True):
            self._check(text, ids)
        found = dict(self._translated(texts, encoded, progress, options))
        return [found[n] for n in range(len(texts))]

    def _translated(
        self,
        texts: Sequence[str],
        encoded: Sequence[Ids],
        progress: Callable[[int], None] | None,
        options: dict[str, Any],
    ) -> Iterator[tuple[int, list[Translated]]]:
        """Each text's number and translations, as they are found, of any texts: of one longer than ``max_symbols`` so
        much is read. They hold where was looked, so whoever needs the words alone should keep no more."""
        decoding = self.config.decoding.changed(**options)
        read = [ids[: self.config.units.max_symbols] for ids in encoded]
        done = 0
        most = max(1, min(BATCH, ROWS // decoding.beam))
        for batch in in_order([len(ids) for ids in read], most) if read else ():
            numbers = batch.tolist()
            ids, lengths = self._side_by_side([read[n] for n in numbers])
            for n, hypotheses in zip(numbers, search(self.model, ids, lengths, decoding), strict=True):
                yield n, [self._told(texts[n], encoded[n], one, decoding) for one in hypotheses]
            done += len(numbers)
            if progress is not None:
                progress(done)

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """The best translation of each sentence; that of a blank one is empty."""

        def answers(some: list[str]) -> Iterator[Prediction]:
            return (Prediction(text, best.text) for text, (best, *_) in zip(some, self.translate(some), strict=True))

        return predict_nonblank(texts, answers)

    @torch.no_grad()
    def loss(self, pairs: Pairs) -> dict[str, float]:
        """Nats per target symbol and perplexity, the right words before being given."""
        total, count = 0.0, 0
        sources = [self.reader.encode(text)[: self.config.units.max_symbols] for text in pairs.source]
        targets = [torch.tensor([*self.writer.encode(text), END]).numpy() for text in pairs.target]
        for batch in in_order([len(a) + len(b) for a, b in zip(sources, targets, strict=True)], BATCH):
            ids, source_lengths = self._side_by_side([sources[n] for n in batch])
            target, lengths = (one.to(self._device) for one in pad([targets[n] for n in batch]))
            read = self.model.read(ids, source_lengths, shifted(target), lengths)
            true = target[inside(len(target), lengths)]
            for some, words in zip(read.split(SLICE), true.split(SLICE), strict=True):
                logits = self.model.logits(some).float()
                total += float(F.cross_entropy(logits, words, reduction="sum").double())
            count += len(true)
        return {"loss": total / count, "perplexity": perplexity(total / count)}

    def scores(self, pairs: Pairs, **options: Any) -> Scores:
        """BLEU, chrF and the share of exact translations; ``options`` as in `translate`."""
        return score(self._texts(pairs.source, None, options), pairs.target)

    def evaluate(self, pairs: Pairs, *, progress: Callable[[int], None] | None = None, **options: Any) -> Measures:
        """`Measures` on pairs; ``options`` as in `translate`."""
        translations = self._texts(pairs.source, progress, options)
        return Measures(self.loss(pairs)["loss"], score(translations, pairs.target), translations)

    def preview(self, pairs: Pairs) -> str:
        """A few translations beside the right ones, and where the one of the fewest symbols was looked for."""
        found = [best for _, best in sorted(self._best(pairs.source, None, {"beam": 1}))]
        lines = []
        for source, target, one in zip(pairs.source, pairs.target, found, strict=True):
            mark = "✓" if one.text == target else f"✗ ({target})"
            lines.append(f"{source}  →  {one.text} {mark}")
        shortest = min(found, key=lambda one: (not one.target, len(one.target)))
        if shortest.target and shortest.weights is not None:
            lines += ["", alignment_text(shortest.source, shortest.target, shortest.weights, WIDTH)]
        return "\n".join(lines)

    def reads_like_target(self, text: str) -> bool:
        """Whether a text seems to be in the language that is translated into."""
        return closer_to_target(text, *self._words)

    def _best(
        self, texts: Sequence[str], progress: Callable[[int], None] | None, options: dict[str, Any]
    ) -> Iterator[tuple[int, Translated]]:
        """Each text's number and best translation, however long; one with nothing in it is a symbol all the same."""
        encoded = [self.reader.encode(text) for text in texts]
        for n, (best, *_) in self._translated(texts, encoded, progress, {**options, "n_best": 1}):
            yield n, best

    def _texts(
        self, texts: Sequence[str], progress: Callable[[int], None] | None, options: dict[str, Any]
    ) -> list[str]:
        """The words of each text's best translation."""
        found = {n: best.text for n, best in self._best(texts, progress, options)}
        return [found[n] for n in range(len(texts))]

    def _check(self, text: str, ids: Ids) -> None:
        if is_blank(text):
            raise ArgumentError("text", "at least one word", text)
        most = self.config.units.max_symbols
        if len(ids) > most:
            expected = f"a sentence of at most {most} symbols (this one has {len(ids):,})"
            raise ArgumentError("text", expected, f"{text.strip()[:40]}…", "cut it into sentences")

    def _side_by_side(self, read: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        backwards = self.config.units.reverse_source
        ids, lengths = pad([one[::-1] if backwards else one for one in read])
        return ids.to(self._device), lengths.to(self._device)

    def _told(self, text: str, source: Ids, found: Any, decoding: Decoding) -> Translated:
        """A hypothesis in words."""
        pieces = self.reader.source_pieces(text, source.tolist())[: self.config.units.max_symbols]
        weights = found.weights
        if weights is not None:
            weights = weights[: len(found.ids), : len(pieces)].cpu()
            if self.config.units.reverse_source:
                weights = weights.flip(1)
        looked: list[str] = []
        if weights is not None and decoding.replace_unknown and len(found.ids):
            looked = [pieces[at] for at in weights.argmax(1).tolist()]
        written = self.writer.pieces(found.ids)
        return Translated(
            self.writer.decode(found.ids, looked),
            found.score,
            found.log_probability,
            [shown(piece) for piece in pieces],
            written,
            weights,
        )

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def evaluate_data(
        self,
        data: str | Path | None = None,
        split: Part = "test",
        *,
        target: str | Path | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """`Measures` on the pairs that `find` finds."""
        pairs, notes = self.find(data, split, target)
        return {"measures": self.evaluate(pairs, **options), "pairs": pairs, "notes": notes}

    def find(
        self,
        data: str | Path | None,
        split: Part,
        target: str | Path | None,
        **layout: Any,
    ) -> tuple[Pairs, list[str]]:
        """The pairs of ``data`` (and ``target``, if their translations are in another file), or a part of the run's own
        pairs; and notes. ``layout``: options of `BitextLayout` for ``data`` that are not as in training.

        Raises:
            DataError: there are no such pairs.
            RunError: the run's own pairs cannot be read, or have changed.
        """
        return find(self, data, split, target, layout)

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction | results.Part]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: Size = 1) -> NoReturn:
        """See `Trained.streaming`: it reads a whole sentence first."""
        raise self.unable("answer step by step: it reads a whole sentence first")

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        return modules(self)

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """The text as the inspector has it read, line by line by its encoder, whatever ``starts``.

        Raises:
            DataError: there is nothing in the text.
        """
        return reading(self, text)

    def pane(self, name: str, text: str) -> dict[str, Any]:
        """The best translation of a sentence, and where each of its symbols was looked for: the pane ``translation``.

        Raises:
            ArgumentError: there is no such pane, or the sentence is empty or too long.
        """
        if name != "translation":
            raise ArgumentError("name", "translation", name)
        [[best, *_]] = self.translate([text])
        return translation(best)
