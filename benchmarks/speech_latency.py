"""Latency of speech recognition on a stream: the time from the end of a word to its text.

    python benchmarks/speech_latency.py RUN                                          generated digits
    python benchmarks/speech_latency.py RUN --data DATA --align FOLDER               recordings with times of words

Sound arrives in chunks, as from a microphone. A word is read when the text so far begins with it and all words before
it, and stays so to the end. Its latency is the end of the chunk, plus the time that computing took, minus the end of
the word: it includes waiting for the chunk. Recordings that are read with an error do not count. Files x.align have the
lines ``begin end word`` in units of 1/25,000 s, as GRID has them. One thread.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

import unrolled
from unrolled.data.audio import Audio
from unrolled.data.generated_speech import GeneratedSound
from unrolled.data.line_pairs import archive_files, decoded, folder_files
from unrolled.data.utterance_lists import list_utterances
from unrolled.tasks.speech.trained import TrainedSpeech

SEED = 0x1A7E  # of the generated recordings
SILENT = ("sil", "sp")

Recording = tuple[Audio, list[str], list[float]]
"""sound, words, and the end of each in seconds"""


def generated(count: int) -> list[Recording]:
    """Return generated recordings."""
    sounds = [GeneratedSound(SEED, number) for number in range(count)]
    return [(sound.audio(), [str(digit) for digit in sound.digits()], sound.ends()) for sound in sounds]


def aligned(data: str, align: str, count: int) -> list[Recording]:
    """Return recordings whose words have times."""
    path = Path(align)
    files = folder_files(path) if path.is_dir() else archive_files(path)
    tracks = {Path(name).stem: file for name, file in files.items() if name.endswith(".align")}
    found: list[Recording] = []
    for row in list_utterances(Path(data)).rows:
        if (stem := Path(row.name).stem) not in tracks or len(found) == count:
            continue
        lines = [line.split() for line in decoded(tracks[stem]).splitlines() if line.strip()]
        spoken = [(word, int(end) / 25_000) for _, end, word in lines if word not in SILENT]
        found.append((row.sound.audio(), [word for word, _ in spoken], [end for _, end in spoken]))
    return found


def latencies(model: TrainedSpeech, recording: Recording, chunk: float) -> tuple[list[float], float] | None:
    """Return the latency of each word, and seconds of computing per second of sound; `None`: not read correctly."""
    audio, words, ends = recording
    stream, size = model.stream(audio.rate), round(chunk * audio.rate)
    separator = " " if " " in model.alphabet.names else ""
    shown: list[tuple[float, str]] = []
    computing = 0.0
    silence = np.zeros(audio.rate, np.float32)  # the speaker stops, the microphone does not
    samples = np.concatenate([audio.samples, silence])
    for at in range(0, len(samples), size):
        begin = time.perf_counter()
        text = model.text(stream.push(samples[at : at + size]))
        took = time.perf_counter() - begin
        computing += took
        shown.append(((at + size) / audio.rate + took, text))
    if shown[-1][1] != separator.join(words):
        return None
    found = []
    for number, end in enumerate(ends, 1):
        prefix = separator.join(words[:number])
        late = [n for n, (_, text) in enumerate(shown) if not text.startswith(prefix)]
        found.append(shown[late[-1] + 1 if late else 0][0] - end)
    return found, computing * audio.rate / len(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", help="a run of the task speech, trained with --streaming")
    parser.add_argument("--data", help="recordings (default: generated digits)")
    parser.add_argument("--align", help="folder or tar archive of x.align files")
    parser.add_argument("--chunk", type=float, default=0.04, help="seconds of sound that arrive together")
    parser.add_argument("--count", type=int, default=50, help="recordings")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = unrolled.load(given.run)
    if not isinstance(model, TrainedSpeech):
        parser.error(f"{given.run} is a run of the task {model.task}, not of speech")
    if (given.data is None) != (given.align is None):
        parser.error("--data needs --align, the times of its words")
    recordings = generated(given.count) if given.data is None else aligned(given.data, given.align, given.count)
    measured = [found for recording in recordings if (found := latencies(model, recording, given.chunk)) is not None]
    if not measured:
        parser.error(f"none of {len(recordings)} recordings was read without an error")
    words = np.array([latency for found, _ in measured for latency in found])
    quarter = np.quantile(words, [0.5, 0.9]) * 1000
    print(f"{len(measured)} of {len(recordings)} recordings read without an error, {len(words)} words")
    print(f"end of a word to its text: median {quarter[0]:.0f} ms, 90 % within {quarter[1]:.0f} ms")
    print(f"computing: {np.mean([share for _, share in measured]):.3f} s per second of sound, one thread")


if __name__ == "__main__":
    main()
