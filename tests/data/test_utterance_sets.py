"""Recordings with transcripts: folders, archives, tables and manifests; parts, folds by speaker, strings; bad input."""

import json
import tarfile

import numpy as np
import pytest
from sound_making import pcm, tone, wav

from unrolled.data.utterance_sets import UtteranceLayout, open_utterances, read_utterances
from unrolled.errors import ArgumentError, DataError

LAYOUT = UtteranceLayout()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))


def saved(path, n=0, rate=8000, seconds=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pcm(tone(300 + 50 * n, seconds, rate), rate))
    return path


@pytest.fixture
def root(tmp_path):
    """Twenty recordings with a text file each, of two speakers."""
    for n in range(20):
        saved(tmp_path / "data" / f"s{n % 2}" / f"{n}.wav", n).with_suffix(".txt").write_text(f"say {n}\n")
    return tmp_path / "data"


def everything(sets):
    return {name: text for part in sets.parts().values() for name, text in zip(part.names, part.texts, strict=True)}


def test_a_text_beside_each_recording(root):
    saved(root / "bare.wav", 99)
    sets = open_utterances(str(root), LAYOUT)
    assert everything(sets) == {f"s{n % 2}/{n}.wav": f"say {n}" for n in range(20)}
    assert [len(part) for part in sets.parts().values()] == [16, 2, 2]
    assert sets.train.rate == 8000
    assert sets.train[0].shape == (10, 40)
    assert set(sets.train.groups) == {"s0", "s1"}
    assert any("1 recordings without a transcript skipped: bare.wav" in note for note in sets.notes)
    assert sets.digest() == open_utterances(str(root), LAYOUT).digest()
    picked = sets.train.pick([3])
    np.testing.assert_array_equal(picked[0], sets.train[3])


def test_folds_by_group(root):
    layout = UtteranceLayout(by="group")
    held = [open_utterances(str(root), layout, folds=2, fold=fold) for fold in (0, 1)]
    assert sorted(set(sets.test.groups).pop() for sets in held) == ["s0", "s1"]
    for sets in held:
        assert len(sets.test) == 10
        assert not set(sets.test.groups) & set(sets.train.groups + sets.valid.groups)
    with pytest.raises(ArgumentError, match=r"folds must be at most the number of groups, 2 \(s., s.\), got 3"):
        open_utterances(str(root), layout, folds=3)


def test_digits_in_names_and_their_takes(tmp_path):
    for speaker in ("ann", "bob"):
        for digit in range(2):
            for take in range(9):
                saved(tmp_path / "rec" / f"{digit}_{speaker}_{take}.wav", 30 * digit + take, seconds=0.05 + take / 100)
    with tarfile.open(tmp_path / "rec.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "rec", "rec")
    for path in ("rec", "rec.tar.gz"):
        sets = open_utterances(str(tmp_path / path), UtteranceLayout(spell_digits=True))
        assert {name.rpartition("_")[2] for name in sets.test.names} == {f"{take}.wav" for take in range(5)}
        assert len(sets.test) == 20
        assert set(sets.train.texts) == {"zero", "one"}
        assert set(sets.train.groups) == {"ann", "bob"}
    strings = open_utterances(str(tmp_path / "rec"), UtteranceLayout(join=(3, 7)))
    assert all(3 <= len(text) <= 7 for text in strings.test.texts)
    assert [len(strings.train[n]) for n in range(9)] == strings.train.lengths[:9].tolist()
    np.testing.assert_array_equal(strings.train[5], strings.train[5])
    other, _ = read_utterances(str(tmp_path / "rec"), UtteranceLayout(pattern=r"_(?P<group>\w+)_(?P<text>\d+)"))
    assert set(other.texts) == {str(take) for take in range(9)}


def test_librispeech_and_an4(tmp_path):
    for part, count in (("train-clean-5", 12), ("dev-clean", 3)):
        folder = tmp_path / "libri" / part / "84" / "1"
        lines = [f"84-1-{n:04} WORD {n}" for n in range(count)]
        for n in range(count):
            saved(folder / f"84-1-{n:04}.wav", 20 * len(part) + n)
        (folder / "84-1.trans.txt").write_text("\n".join(lines) + "\n")
    sets = open_utterances(str(tmp_path / "libri"), UtteranceLayout(case="lower"))
    assert sets.valid.texts == ["word 0", "word 1", "word 2"]
    assert set(sets.valid.groups) == {"84"}
    for n in range(10):
        saved(tmp_path / "an4" / "wav" / f"a{n}.wav", n)
    (tmp_path / "an4" / "etc").mkdir()
    lines = [f"<s> GO {n} </s> (a{n})" for n in range(10)]
    (tmp_path / "an4" / "etc" / "an4_train.transcription").write_text("\n".join(lines))
    assert everything(open_utterances(str(tmp_path / "an4"), LAYOUT))["wav/a7.wav"] == "GO 7"


@pytest.mark.parametrize("form", ["tsv", "csv", "ljspeech", "json", "jsonl", "pairs"])
def test_lists(tmp_path, form):
    names = [saved(tmp_path / "wav" / f"r{n}.wav", n).name for n in range(10)]
    for n in range(10):
        (tmp_path / f"t{n}.txt").write_text(f"text, {n}")
    samples = [{"wav_path": f"wav/{name}", "transcript_path": f"t{n}.txt"} for n, name in enumerate(names)]
    file, text = {
        "tsv": ("a.tsv", "".join(f"r{n}\ttext, {n}\t99\n" for n in range(10))),
        "csv": ("a.csv", "speaker,path,text\n" + "".join(f'me,wav/r{n}.wav,"text, {n}"\n' for n in range(10))),
        "ljspeech": ("metadata.csv", "".join(f"r{n}|Text, {n}|text, {n}\n" for n in range(10))),
        "json": ("m.json", json.dumps({"root_path": str(tmp_path), "samples": samples})),
        "jsonl": ("m.jsonl", "".join(f'{{"audio_filepath": "r{n}.wav", "text": "text, {n}"}}\n' for n in range(10))),
        "pairs": ("m.csv", "".join(f"wav/r{n}.wav,t{n}.txt\n" for n in range(10))),
    }[form]
    (tmp_path / file).write_text(text)
    found = open_utterances(str(tmp_path / file), LAYOUT)
    assert everything(found) == {f"wav/r{n}.wav": f"text, {n}" for n in range(10)}
    assert form != "csv" or set(found.train.groups) == {"me"}


def test_a_missing_file_is_named_with_its_line(root):
    (root / "list.csv").write_text("path,text\ns0/0.wav,a\ns1/11.waw,b\n")
    with pytest.raises(DataError, match=r"list.csv, line 3 names the recording 's1/11.waw', which does not exist; did"):
        open_utterances(str(root / "list.csv"), LAYOUT)


def test_what_is_odd_is_noted(root):
    x = tone(seconds=0.1)
    (root / "s0" / "0.wav").write_bytes(pcm(np.repeat(x, 2), channels=2))
    (root / "s1" / "1.wav").write_bytes(pcm(tone(seconds=0.1, rate=16_000), 16_000))
    (root / "s0" / "2.wav").write_bytes(pcm(np.zeros(800)))
    (root / "s1" / "3.wav").write_bytes(pcm(np.clip(5 * x, -1, 1)))
    (root / "s0" / "4.txt").write_text("")
    notes = "\n".join(open_utterances(str(root), LAYOUT).notes)
    for text in (
        "1 of 19 recordings with several channels: mixed to one, their mean (0.wav)",
        "converted to 8,000 Hz: 1 of 16,000 Hz",
        "without sound; remove them, or check how they were made (2.wav)",
        "clipped (at full scale again and again) (3.wav)",
        "1 of 20 recordings without a transcript skipped (4.wav)",
    ):
        assert text in notes


def test_damaged_recordings(root):
    (root / "s0" / "0.wav").write_bytes(pcm(tone())[:500])
    (root / "s1" / "1.wav").write_bytes(wav(b""))
    with pytest.raises(DataError, match=r"0.wav ends at .* truncated.*one of 2: .*; --damaged skip omits"):
        open_utterances(str(root), LAYOUT)
    sets = open_utterances(str(root), UtteranceLayout(skip=True))
    assert len(everything(sets)) == 18
    assert any("2 recordings skipped" in note for note in sets.notes)


def test_what_is_refused(root, tmp_path):
    (tmp_path / "empty").mkdir()
    for spec, layout, message in (
        (tmp_path / "empty", LAYOUT, "has no recordings"),
        (root / "s0" / "0.wav", LAYOUT, "is a single recording"),
        (root, UtteranceLayout(pattern="("), "pattern must be a regular expression"),
        (root, UtteranceLayout(pattern="a"), r"with the group \(\?P<text>"),
        (root, UtteranceLayout(test_names="nothing"), "matches --test-names 'nothing'"),
        (root, UtteranceLayout(join=(3, 2)), "join must be two numbers"),
    ):
        with pytest.raises((DataError, ArgumentError), match=message):
            open_utterances(str(spec), layout)
    with pytest.raises(DataError, match="no transcripts; give each"):
        open_utterances(str(saved(tmp_path / "bare" / "a.wav").parent), LAYOUT)


def test_generated_speech_is_a_pure_function():
    from unrolled.data.generated_speech import GeneratedSound, generated_sounds

    sound = GeneratedSound(3, 5)
    np.testing.assert_array_equal(sound.audio().samples, GeneratedSound(3, 5).audio().samples)
    rows = generated_sounds(0).rows
    assert all(3 <= len(row.text) <= 7 for row in rows)
    assert {row.part for row in rows} == {"train", "valid", "test"}
    assert len({row.sound.digest() for row in rows}) == len(rows)
    assert 0.01 < np.abs(sound.audio().samples).max() < 1
