"""Utterances made of several recordings, such as strings of digits: frames of one speaker, with pauses between them.

Utterance n of a part is a pure function of the seed, the part and n. A pause has the floor of the energies, or noise of
a random level below the speech; each recording is louder or softer by up to 3 dB.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .counter import hash64, uniform
from .log_mel import BANDS, FLOOR, Frames
from .utterances import Utterances

MOST = 50  # recordings of an utterance
TIMES = (4, 1, 1)  # utterances for each recording, of the training, validation and test part
PAUSE = 30  # frames of the longest pause
LOUDER = 3 * math.log(10) / 10  # 3 dB, of natural logarithms of energies


class JoinedFrames:
    """The frames of joined recordings, made when they are read.

    Args:
        recordings: the recordings.
        members: for each utterance the numbers of its recordings.
        seed: seed of pauses and loudness, different for each part.
    """

    def __init__(self, recordings: Utterances, members: list[npt.NDArray[np.int64]], seed: int) -> None:
        self.recordings, self.members, self.seed = recordings, members, seed
        draws = [uniform(seed, number, np.arange(len(own) + 1)) for number, own in enumerate(members)]
        self.pauses = [(draw**2 * PAUSE).astype(np.int64) for draw in draws]  # short ones are more frequent

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of frames of each utterance ``(N,)``."""
        own = self.recordings.lengths
        spoken = [int(own[members].sum()) for members in self.members]
        return np.array([n + int(p.sum()) for n, p in zip(spoken, self.pauses, strict=True)], np.int64)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, number: int) -> Frames:
        members, pauses = self.members[number], self.pauses[number]
        louder = (uniform(self.seed, number, 1000 + np.arange(len(members))) * 2 - 1) * LOUDER
        noise = uniform(self.seed, number, 2000, np.arange(2))
        floor = math.log(FLOOR)
        pieces: list[Frames] = []
        for at, member in enumerate(members.tolist()):
            spoken = self.recordings[member]
            pieces.append(self._pause(number, at, int(pauses[at]), spoken, noise.tolist()))
            pieces.append(np.maximum(spoken + np.float32(louder[at]), np.float32(floor)))
        pieces.append(self._pause(number, len(members), int(pauses[-1]), pieces[-1], noise.tolist()))
        return np.concatenate(pieces)

    def _pause(self, number: int, at: int, length: int, spoken: Frames, noise: list[float]) -> Frames:
        floor = np.float32(math.log(FLOOR))
        if noise[0] < 1 / 2:
            return np.full((length, BANDS), floor, np.float32)
        quiet = np.quantile(spoken, 0.05, axis=0) if len(spoken) else np.full(BANDS, floor)  # (40,)
        draws = uniform(self.seed, number, 3000 + at, np.arange(length)[:, None], np.arange(BANDS))
        level = floor + noise[1] * (quiet - floor)
        return np.maximum(level + np.log(-np.log1p(-draws) + 1e-6), floor).astype(np.float32)  # powers of white noise


def joined(recordings: Utterances, numbers: tuple[int, int], seed: int, part: int) -> Utterances:
    """Return utterances of several recordings of one group each.

    Args:
        recordings: the recordings.
        numbers: least and most recordings of an utterance.
        seed: the seed.
        part: the number of the part: 0 training, 1 validation, 2 test.

    Raises:
        ArgumentError: ``numbers`` is out of range.
    """
    least, most = numbers
    if not 1 <= least <= most <= MOST:
        raise ArgumentError("join", f"two numbers from 1 to {MOST}, the least first", numbers)
    own = int(hash64(seed, 0x101, part)) >> 1
    draws = uniform(own, 1, np.arange(TIMES[part] * len(recordings))[:, None], np.arange(2 + most))  # (N, 2 + most)
    members = {
        group: np.array([n for n, name in enumerate(recordings.groups) if name == group], np.int64)
        for group in dict.fromkeys(recordings.groups)
    }
    chosen = []
    for draw in draws:
        of = members[recordings.groups[int(draw[0] * len(recordings))]]
        count = least + int(draw[1] * (most - least + 1))
        chosen.append(of[(draw[2 : 2 + count] * len(of)).astype(np.int64)])
    frames = JoinedFrames(recordings, chosen, own)
    texts = [[recordings.texts[n] for n in numbers] for numbers in chosen]
    separator = "" if all(len(text) == 1 for text in recordings.texts) else " "
    spelled = ["\n".join(recordings.digests[n] for n in numbers) for numbers in chosen]
    return Utterances(
        frames,
        np.arange(len(chosen)),
        frames.lengths,
        [separator.join(own_texts) for own_texts in texts],
        [recordings.groups[numbers[0]] for numbers in chosen],
        [f"string {number + 1}" for number in range(len(chosen))],
        [hashlib.blake2b(f"{own} {text}".encode(), digest_size=16).hexdigest() for text in spelled],
        recordings.rate,
    )
