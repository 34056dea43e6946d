"""model.safetensors: there and back, and every way of being damaged ends in a RunError."""

import json
import struct

import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

from unrolled.errors import RunError
from unrolled.training import modelfile

TENSORS = {
    "a": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "half": torch.ones(2, 2, dtype=torch.bfloat16) / 3,
    "flag": torch.tensor([True, False]),
    "zero_dim": torch.tensor(7),
    "none": torch.zeros(0, 5),
    "turned": torch.arange(6.0).reshape(2, 3).T,
}
ASSETS = {"vocabulary": {"kind": "char", "symbols": "é\n\x00z"}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    modelfile.save(path, TENSORS, "lm", 'task = "lm"\n', ASSETS)
    return path


def header_size(path):
    return struct.unpack("<Q", path.read_bytes()[:8])[0]


def test_there_and_back(path):
    file = modelfile.load(path)
    assert (file.task, file.config, file.assets) == ("lm", 'task = "lm"\n', ASSETS)
    assert file.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert file.tensors[name].dtype == tensor.dtype
        assert torch.equal(file.tensors[name], tensor)


def test_equal_models_are_equal_files(path, tmp_path):
    """Whatever order the library takes the header's keys in, which changes from call to call."""
    scores = {"loss": 1.5, "step": 3}
    written = set()
    for n in range(20):
        other = tmp_path / f"{n}.safetensors"
        modelfile.save(other, TENSORS, "lm", 'task = "lm"\n', ASSETS, scores)
        written.add(other.read_bytes())
    assert len(written) == 1
    assert modelfile.load(other).scores == scores


def digest(path):
    with safetensors.safe_open(path, framework="pt") as file:
        return file.metadata()["digest"]


def test_the_digest_names_the_model(path, tmp_path):
    again = tmp_path / "again"
    modelfile.save(again, dict(reversed(TENSORS.items())), "lm", 'task = "lm"\n', ASSETS)
    assert digest(again) == digest(path)
    for change in (
        (TENSORS | {"a": TENSORS["a"] + 1e-7}, "lm", 'task = "lm"\n', ASSETS),
        (TENSORS, "tag", 'task = "lm"\n', ASSETS),
        (TENSORS, "lm", 'task = "lm"', ASSETS),
        (TENSORS, "lm", 'task = "lm"\n', {}),
        (TENSORS | {"zero_dim": torch.tensor(7, dtype=torch.int32)}, "lm", 'task = "lm"\n', ASSETS),
    ):
        modelfile.save(again, *change)
        assert digest(again) != digest(path)


def test_any_flipped_bit_is_noticed(path):
    data, size = path.read_bytes(), header_size(path)
    places = [*range(8), *range(8, 8 + size, 7), *range(8 + size, len(data), 3), len(data) - 1]
    for at in places:
        altered = bytearray(data)
        altered[at] ^= 1 << (at % 7)
        path.write_bytes(altered)
        if 8 <= at < 8 + size and json_equal(data[8 : 8 + size], bytes(altered[8 : 8 + size])):
            continue  # the header says the same as before
        with pytest.raises(RunError, match=r"damaged|is not a model of unrolled|newer than this version"):
            modelfile.load(path)
    path.write_bytes(data)
    modelfile.load(path)


def json_equal(a, b):
    try:
        return json.loads(a) == json.loads(b)
    except ValueError:
        return False


def test_any_truncation_is_noticed(path):
    data, size = path.read_bytes(), header_size(path)
    for length in (0, 1, 7, 8, 9, size // 2, 8 + size, 9 + size, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(RunError, match=r"is truncated or damaged .*; restore it or train a new model"):
            modelfile.load(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(RunError, match="damaged"):
        modelfile.load(path)


@pytest.mark.parametrize("size", [2**64 - 1, 2**63, 2**40, 10**8 + 1])
def test_a_header_that_claims_to_be_enormous(path, size):
    path.write_bytes(struct.pack("<Q", size) + path.read_bytes()[8:])
    with pytest.raises(RunError, match="truncated or damaged"):
        modelfile.load(path)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 2**62]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [48, 0]},
        {"dtype": "F99", "shape": [3, 4], "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": [-3, 4], "data_offsets": [0, 48]},
    ],
)
def test_hostile_entries(path, entry):
    header = json.dumps({"__metadata__": {"format": modelfile.FORMAT}, "a": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(48))
    with pytest.raises(RunError, match="truncated or damaged"):
        modelfile.load(path)


def signed(path, tensors, **header):
    header = {"format": modelfile.FORMAT, "task": "lm", "config": "", "assets": "{}"} | header
    header["digest"] = modelfile._digest(header, tensors)
    path.write_bytes(safetensors.torch.save(tensors, metadata=header))


@pytest.mark.parametrize("assets", ["[]", "3", "", "{", "[" * 100_000])
def test_assets_that_are_no_object(path, assets):
    signed(path, {"a": torch.ones(1)}, assets=assets)
    with pytest.raises(RunError, match="truncated or damaged"):
        modelfile.load(path)


def test_a_newer_format_is_refused_with_the_remedy(path):
    signed(path, {"a": torch.ones(1)}, format="unrolled-2")
    with pytest.raises(
        RunError, match=r"unrolled-2, newer than .* supports; upgrade with: pip install --upgrade unrolled"
    ):
        modelfile.load(path)


def test_what_is_no_model_of_ours(path, tmp_path):
    safetensors.torch.save_file({"a": torch.ones(1)}, path)
    with pytest.raises(RunError, match="is not a model of unrolled: its header has no format"):
        modelfile.load(path)
    with pytest.raises(RunError, match="is not a file; give the folder of a run"):
        modelfile.load(tmp_path)
    path.write_text("hello, world, this is text and no model")
    with pytest.raises(RunError, match="damaged"):
        modelfile.load(path)


def test_weights_that_do_not_fit():
    expected = r"the weights in x do not match its config: weight is \(3, 2\), the config requires \(3, 3\)"
    with pytest.raises(RunError, match=expected):
        modelfile.restore(nn.Linear(3, 3), nn.Linear(2, 3).state_dict(), "x")
    with pytest.raises(RunError, match="bias is missing, the config requires"):
        modelfile.restore(nn.Linear(2, 3), nn.Linear(2, 3, bias=False).state_dict(), "x")
