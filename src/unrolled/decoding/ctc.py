"""CTC decoding by prefix beam search: whole batches, or a stream chunk by chunk (Graves 2006; Hannun et al. 2014).

The search sums over alignments. It looks for the text Y that maximises

    log P(Y | logits) + α log P_LM(Y) + β |Y| + Σ bonus(w)         w: the words of Y

A beam of 1 is not greedy decoding. In every frame it keeps one prefix, and the alternatives are its extensions and
itself, whose probability is that of the blank plus, if its last symbol may go on, that of the repeated symbol. With
probabilities blank 0.3, a 0.3 and b 0.4 after an "a", greedy decoding reads "ab", a beam of 1 stays at "a" (0.6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from ..checks import Count, checked
from ..errors import ArgumentError, BackendError
from ..kernels import extension
from .ctc_inputs import check_logits, not_finite, symbol_ids
from .ctc_lm import CharacterModel, Scorer
from .ctc_words import word_tree
from .search import WIDEST
from .transcript import Piece, Transcript

# T frames, B examples, C classes

INFINITE = 1e300


@checked
@dataclass(frozen=True, kw_only=True)
class CTCSearch:
    """Options of prefix beam search.

    Raises:
        ArgumentError: a number is out of range.
    """

    beam: int = 25
    """beam size: prefixes kept in every frame"""
    n_best: int = 1
    """transcripts returned, best first"""
    symbols: int = 0
    """only so many of a frame's most likely symbols extend a prefix; 0: all"""
    margin: Annotated[float, "a number of at least 0"] = 0.0
    """drop prefixes whose score is below the best by more than this; 0: keep them"""
    lm_weight: Annotated[float, "a number of at least 0"] = 0.5
    """language model weight α"""
    length_bonus: float = 0.0
    """bonus β of each symbol, with a language model"""
    unknown_word: Annotated[float, "a number of at most 0"] = -10.0
    """bonus of a word that is not in the word list"""

    def __post_init__(self) -> None:
        for name, least, most in (("beam", 1, WIDEST), ("n_best", 1, self.beam), ("symbols", 0, 1 << 31)):
            if not least <= getattr(self, name) <= most:
                raise ArgumentError(name, f"{least}..{most:,}", getattr(self, name))
        for name in ("margin", "lm_weight"):
            if getattr(self, name) < 0:
                raise ArgumentError(name, "a number of at least 0", getattr(self, name))
        if self.unknown_word > 0:
            raise ArgumentError("unknown_word", "a number of at most 0", self.unknown_word)


class CTCDecoder:
    """Decodes logits to texts by prefix beam search, in compiled code.

    Args:
        symbols: the names of the C classes, any name for the blank.
        blank: the class of the blank.
        search: the options; `None`: the defaults.
        lm: a language model of characters. Its alphabet is compared by name and must have all symbols.
        words: known words; others cost ``search.unknown_word`` each. Words with other symbols are omitted.
        hot_words: words and their bonuses; a part of the bonus is given while the word is being read, and taken back if
            it becomes another word. Hot words are known.
        separator: the symbol between words; without such a symbol a text is one word.

    Raises:
        ArgumentError: two classes have the same name, words cannot be written with the symbols, or the alphabet of the
            language model lacks a symbol.
        BackendError: this installation has no compiled kernels.

    >>> import torch
    >>> from unrolled.decoding import CTCDecoder
    >>> decoder = CTCDecoder(["", "a", "b"])
    >>> y = torch.tensor([[0.6, 0.4, 0.0], [0.6, 0.4, 0.0]])  # "" has 0.36, "a" 0.64, from three alignments
    >>> decoder.decode(y.log()[:, None])[0][0].text
    'a'
    """

    @checked
    def __init__(
        self,
        symbols: Sequence[str],
        *,
        blank: Count = 0,
        search: CTCSearch | None = None,
        lm: Annotated[CharacterModel | None, "a language model of characters"] = None,
        words: Sequence[str] | None = None,
        hot_words: Mapping[str, float] | None = None,
        separator: str = " ",
    ) -> None:
        self.symbols, self.blank, self.search, self.lm = list(symbols), blank, search or CTCSearch(), lm
        ids = symbol_ids(symbols, blank)
        if extension.missing or not hasattr(extension.compiled, "CtcBeam"):
            reason = extension.missing or "the compiled kernels are older than it; reinstall the package"
            raise BackendError(f"beam search cannot run: {reason}; ctc_greedy needs no kernels")
        self.tree = word_tree(ids, words, hot_words or {}, self.search.unknown_word, separator)
        if lm is not None:
            self._scorer()

    @checked
    def decode(self, logits: Tensor, lengths: Tensor | Sequence[int] | None = None) -> list[list[Transcript]]:
        """Return the ``n_best`` transcripts of each example, best first, or fewer if fewer exist.

        An example has the same transcripts in any batch. Examples are divided among the threads, unless there is a
        language model, which runs in the caller's.

        Args:
            logits: ``(T, B, C)``.
            lengths: ``(B,)``, frames of each example; `None`: all T.

        Raises:
            ArgumentError: the logits have another number of classes or are not finite, or lengths are out of range.
        """
        logits, frames = check_logits(logits, lengths, len(self.symbols))
        if self.lm is not None:
            streams = [self.stream() for _ in frames]
            for b, (stream, T) in enumerate(zip(streams, frames, strict=True)):
                stream.feed(logits[:T, b])
            return [stream.finish() for stream in streams]
        beams = [self._beam() for _ in frames]
        held = torch.tensor(frames, dtype=torch.int64)
        bad = extension.compiled.ctc_feed(
            beams, logits.data_ptr(), held.data_ptr(), logits.stride(0), logits.stride(1), extension.threads()
        )
        for b, frame in enumerate(bad):
            if frame >= 0:
                raise not_finite(f"logits[:, {b}]", frame)
        return [self._best(beam, self.search.n_best, True) for beam in beams]

    def stream(self) -> CTCStream:
        """Begin to decode one example, given in chunks of frames."""
        return CTCStream(self)

    def _beam(self) -> Any:
        search = self.search
        return extension.compiled.CtcBeam(
            len(self.symbols), self.blank, search.beam, search.symbols or len(self.symbols),
            search.margin or INFINITE, self.lm is not None, self.tree,
        )  # fmt: skip

    def _scorer(self) -> Scorer:
        assert self.lm is not None
        search = self.search
        return Scorer(self.lm, self.symbols, self.blank, search.lm_weight, search.length_bonus, search.beam)

    def _best(self, beam: Any, n: int, ended: bool) -> list[Transcript]:
        return [
            Transcript([Piece(self.symbols[k], *place) for k, *place in pieces], score, log_probability)
            for score, log_probability, pieces in beam.best(n, ended)
        ]


class CTCStream:
    """Decodes one example chunk by chunk, with the result that all frames at once have; see `CTCDecoder.stream`."""

    def __init__(self, decoder: CTCDecoder) -> None:
        self._decoder, self._beam = decoder, decoder._beam()
        self._scorer = None if decoder.lm is None else decoder._scorer()
        self._score()

    @torch.no_grad()
    def feed(self, logits: Tensor) -> Transcript:
        """Read the next frames ``(T, C)`` and return the best transcript so far, whose last word may be incomplete.

        Raises:
            ArgumentError: the logits have another number of classes or are not finite.
        """
        if logits.dim() != 2:
            raise ArgumentError("logits", f"(T, {len(self._decoder.symbols)})", tuple(logits.shape))
        frames, _ = check_logits(logits[:, None], None, len(self._decoder.symbols))
        for t in range(frames.size(0)):
            if not self._beam.advance(frames[t].data_ptr()):
                raise not_finite("logits", self.frames)
            self._score()
        return self._decoder._best(self._beam, 1, False)[0]

    def finish(self) -> list[Transcript]:
        """Return the ``n_best`` transcripts of all frames, best first. More frames may follow."""
        return self._decoder._best(self._beam, self._decoder.search.n_best, True)

    @property
    def frames(self) -> int:
        """Number of frames read."""
        return int(self._beam.frames)

    @property
    def settled(self) -> int:
        """Number of symbols at the beginning of the transcript that further frames cannot change."""
        return int(self._beam.settled())

    def _score(self) -> None:
        """Let the language model score the prefixes that are new in the beam."""
        if self._scorer is not None and (fresh := self._beam.fresh()):
            scores = self._scorer.score(fresh)
            self._beam.set_scores(scores.ctypes.data)
