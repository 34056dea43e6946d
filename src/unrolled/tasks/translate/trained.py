"""A trained translator: translate, evaluate, show alignments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from ... import results
from ...analysis.alignment import alignment_text
from ...analysis.inspection import Inspection
from ...checks import Size, checked_methods
from ...data.batches import in_order, pad
from ...data.bitext import Pairs
from ...data.bitext_sets import read_test
from ...data.swapped import closer_to_target
from ...data.vocabulary import Ids
from ...decoding.search import Hypothesis
from ...errors import ArgumentError
from ...layers.decoder import inside
from ...results import Input, Prediction, Progress, Report, is_blank, silent
from ...training.modelfile import ModelFile
from ..common.language import END, Language, shifted, shown
from ..common.own_data import TrainedOnSets
from ..common.prediction import Part, predict_nonblank
from ..common.recurrent import restored
from ..common.rouge import rouge
from ..common.table_inputs import Note
from ..common.trained import Modules
from .decoding import Decoding, Translated, search
from .evaluation import Evaluate, evaluation
from .exported import modules
from .inspection import reading, translation
from .metrics import Measures, perplexity
from .model import Translator
from .pairs import layout_of
from .predictions import Predict, inputs, predictions
from .scores import Scores, score

BATCH = 64  # sentences
ROWS = 512  # hypotheses per batch, which bounds the memory footprint
SLICE = 4096  # tokens whose logits are in memory at once
WIDTH = 76  # columns of an alignment in a preview, which is framed in a terminal of 80


@checked_methods
class TrainedTranslator(TrainedOnSets[Pairs]):
    """A trained translator, as returned by `unrolled.load` for a run of the task ``translate``.

        handle = unrolled.load("runs/translate-talk-1")
        handle.translate(["Ein Hund läuft."], beam=5)[0][0].text

    Args:
        model: the network.
        reader: tokenizer of the source language.
        writer: tokenizer of the target language.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
        words: frequent words of each side, used to detect input in the target language.
    """

    task: ClassVar[str] = "translate"
    panes: ClassVar[tuple[str, ...]] = ("text", "training", "translation")
    loss_unit: ClassVar[str] = "nats"
    noun: ClassVar[str] = "pairs"
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
        super().__init__(model, config, fingerprint)
        self.reader, self.writer = reader, writer
        words = words if isinstance(words, dict) else {}  # the file is not trusted
        lists = (words.get(side) for side in ("source", "target"))
        self._words = [set(map(str, entry)) if isinstance(entry, list) else set() for entry in lists]

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedTranslator:
        """Build the model and load the weights of a model file."""
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
        """Return the ``n_best`` translations of each sentence, best first.

        Args:
            texts: source sentences.
            progress: called with the number of sentences translated so far.
            options: options of `Decoding` by name that differ from those of the run (`Decoding.changed`).

        Raises:
            ArgumentError: a sentence is blank or longer than ``max_symbols``, or an option is invalid.
        """
        encoded = [self.reader.encode(text) for text in texts]
        for text, ids in zip(texts, encoded, strict=True):
            self._check(text, ids)
        translations = dict(self._translate(texts, encoded, progress, options))
        return [translations[n] for n in range(len(texts))]

    def _translate(
        self,
        texts: Sequence[str],
        encoded: Sequence[Ids],
        progress: Callable[[int], None] | None,
        options: dict[str, Any],
    ) -> Iterator[tuple[int, list[Translated]]]:
        """Yield (index, translations) of texts of any length in order of computation; longer ones than ``max_symbols``
        are truncated. The translations hold attention weights; keep only their text where that is enough."""
        decoding = self.config.decoding.changed(**options)
        sources = [ids[: self.config.units.max_symbols] for ids in encoded]
        done = 0
        batch_size = max(1, min(BATCH, ROWS // decoding.beam))
        for batch in in_order([len(ids) for ids in sources], batch_size) if sources else ():
            numbers = batch.tolist()
            ids, lengths = self._pad([sources[n] for n in numbers])
            for n, hypotheses in zip(numbers, search(self.model, ids, lengths, decoding), strict=True):
                yield n, [self._decoded(texts[n], encoded[n], hypothesis, decoding) for hypothesis in hypotheses]
            done += len(numbers)
            if progress is not None:
                progress(done)

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """Return the best translation of each sentence; that of a blank sentence is empty."""

        def answers(batch: list[str]) -> Iterator[Prediction]:
            return (Prediction(text, best.text) for text, (best, *_) in zip(batch, self.translate(batch), strict=True))

        return predict_nonblank(texts, answers)

    @torch.no_grad()
    def loss(self, pairs: Pairs) -> dict[str, float]:
        """Return the loss (nats per target token) and the perplexity, with teacher forcing."""
        total, count = 0.0, 0
        sources = [self.reader.encode(text)[: self.config.units.max_symbols] for text in pairs.source]
        targets = [torch.tensor([*self.writer.encode(text), END]).numpy() for text in pairs.target]
        for batch in in_order([len(a) + len(b) for a, b in zip(sources, targets, strict=True)], BATCH):
            ids, source_lengths = self._pad([sources[n] for n in batch])
            target, lengths = (tensor.to(self.device) for tensor in pad([targets[n] for n in batch]))
            outputs = self.model.read(ids, source_lengths, shifted(target), lengths)
            true = target[inside(len(target), lengths)]
            for part, tokens in zip(outputs.split(SLICE), true.split(SLICE), strict=True):
                logits = self.model.logits(part).float()
                total += float(F.cross_entropy(logits, tokens, reduction="sum").double())
            count += len(true)
        return {"loss": total / count, "perplexity": perplexity(total / count)}

    def scores(self, pairs: Pairs, **options: Any) -> Scores:
        """Return BLEU, chrF and the fraction of exact translations; ``options`` as in `translate`."""
        return score(self._texts(pairs.source, None, options), pairs.target)

    @overload
    def evaluate(self, data: str | Path | None = None, **options: Any) -> Report: ...
    @overload
    def evaluate(self, data: Pairs, *, progress: Callable[[int], None] | None = None, **options: Any) -> Measures: ...
    def evaluate(
        self,
        data: str | Path | Pairs | None = None,
        *,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Any:
        """Evaluate the translator; see `Trained.evaluate`.

        Args:
            data: a file or a named data set (default: the test part of the run's own data); or pairs.
            progress: for pairs: called with the number of sentences translated so far.
            options: as for ``unrolled evaluate``: ``split``, ``target``, ``picture`` …; for pairs: as in `translate`.

        Returns:
            The report; for pairs, `Measures`.
        """
        if not isinstance(data, Pairs):
            return super().evaluate(data, **options)
        texts = self._texts(data.source, progress, options)
        summaries = rouge(texts, data.target) if self.config.data.summary else None
        return Measures(self.loss(data)["loss"], score(texts, data.target), texts, summaries)

    def preview(self, pairs: Pairs) -> str:
        """Return translations beside the references as text, and the alignment of the shortest translation."""
        translations = [best for _, best in sorted(self._best(pairs.source, None, {"beam": 1}))]
        lines = []
        for source, target, translated in zip(pairs.source, pairs.target, translations, strict=True):
            mark = "✓" if translated.text == target else f"✗ ({target})"
            lines.append(f"{source}  →  {translated.text} {mark}")
        shortest = min(translations, key=lambda translated: (not translated.target, len(translated.target)))
        if shortest.target and shortest.weights is not None:
            lines += ["", alignment_text(shortest.source, shortest.target, shortest.weights, WIDTH)]
        return "\n".join(lines)

    def reads_like_target(self, text: str) -> bool:
        """Return whether a text seems to be in the target language."""
        return closer_to_target(text, *self._words)

    def _best(
        self, texts: Sequence[str], progress: Callable[[int], None] | None, options: dict[str, Any]
    ) -> Iterator[tuple[int, Translated]]:
        """Yield (index, best translation) of texts of any length; a blank text is encoded as one token."""
        encoded = [self.reader.encode(text) for text in texts]
        for n, (best, *_) in self._translate(texts, encoded, progress, {**options, "n_best": 1}):
            yield n, best

    def _texts(
        self, texts: Sequence[str], progress: Callable[[int], None] | None, options: dict[str, Any]
    ) -> list[str]:
        """Return the text of the best translation of each text."""
        translations = {n: best.text for n, best in self._best(texts, progress, options)}
        return [translations[n] for n in range(len(texts))]

    def _check(self, text: str, ids: Ids) -> None:
        if is_blank(text):
            raise ArgumentError("text", "at least one word", text)
        longest = self.config.units.max_symbols
        if len(ids) > longest:
            expected = f"a sentence of at most {longest} tokens (this one has {len(ids):,})"
            raise ArgumentError("text", expected, f"{text.strip()[:40]}…", "split it into sentences")

    def _pad(self, sources: Sequence[Ids]) -> tuple[Tensor, Tensor]:
        """Return a padded batch of sources ``(S, B)``, reversed if the model reads them so, and their lengths."""
        backwards = self.config.units.reverse_source
        ids, lengths = pad([source[::-1] if backwards else source for source in sources])
        return ids.to(self.device), lengths.to(self.device)

    def _decoded(self, text: str, source: Ids, hypothesis: Hypothesis, decoding: Decoding) -> Translated:
        """Convert a hypothesis to text."""
        pieces = self.reader.source_pieces(text, source.tolist())[: self.config.units.max_symbols]
        weights = hypothesis.weights
        if weights is not None:
            weights = weights[: len(hypothesis.ids), : len(pieces)].cpu()
            if self.config.units.reverse_source:
                weights = weights.flip(1)
        attended: list[str] = []
        if weights is not None and decoding.replace_unknown and len(hypothesis.ids):
            attended = [pieces[at] for at in weights.argmax(1).tolist()]
        target = self.writer.pieces(hypothesis.ids)
        return Translated(
            self.writer.decode(hypothesis.ids, attended),
            hypothesis.score,
            hypothesis.log_probability,
            [shown(piece) for piece in pieces],
            target,
            weights,
        )

    def evaluate_data(
        self,
        data: str | Path | None = None,
        split: Part = "test",
        *,
        target: str | Path | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Return `Measures` on the pairs that `find` returns, the pairs and notes."""
        pairs, notes = self.find(data, split, target)
        return {"measures": self.evaluate(pairs, **options), "pairs": pairs, "notes": notes}

    def find(
        self,
        data: str | Path | None,
        split: Part,
        target: str | Path | None = None,
        **layout: Any,
    ) -> tuple[Pairs, list[str]]:
        """Return the pairs of ``data`` (with ``target``, if the translations are in a separate file), or a part of the
        run's own pairs, and notes. ``layout``: options of `BitextLayout` for ``data`` that differ from training.

        Raises:
            DataError: there are no pairs.
            RunError: the run's own pairs cannot be read, or have changed.
        """
        if data is None and target is not None:
            raise ArgumentError("target", "omitted without --data, the file of the sources", target)
        return super().find(data, split, **({} if data is None else {"target": target, **layout}))

    def read_other(self, data: str, target: str | Path | None = None, **layout: Any) -> tuple[Pairs, list[str]]:
        """See `TrainedOnSets.read_other` and `find`."""
        files = data, None if target is None else str(target)
        return read_test(*files, layout_of(self, *files, layout))

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def inputs(self, options: Predict, words: Sequence[str], note: Note) -> Iterator[list[Input]]:
        """See `Trained.inputs`; tables are read as the training data were."""
        return inputs(self, options, words, note)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction | results.Part]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)

    def streaming(self, lanes: Size = 1) -> NoReturn:
        """Raise `RunError`: a translator needs a whole sentence; see `Trained.streaming`."""
        raise self.unable("answer step by step: it needs the whole sentence")

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        return modules(self)

    def own_lines(self) -> list[str]:
        """Return the source sentences of the test part of the run's own data.

        Raises:
            DataError: there are none.
            RunError: the run's own data cannot be read, or has changed.
        """
        return self.find(None, "test", None)[0].source

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """Prepare ``text`` for inspection of the encoder, line by line; ``starts`` is ignored.

        Raises:
            DataError: the text is blank.
        """
        return reading(self, text)

    def pane(self, name: str, text: str) -> dict[str, Any]:
        """Return the data of the pane ``translation``: the best translation of a sentence with its attention weights.

        Raises:
            ArgumentError: the pane does not exist, or the sentence is blank or too long.
        """
        if name != "translation":
            raise ArgumentError("name", "translation", name)
        [[best, *_]] = self.translate([text])
        return translation(best)
