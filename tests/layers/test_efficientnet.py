"""EfficientNet-Lite0 against an independent implementation with torch's modules; and its file of weights."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from unrolled.data import photo_weights as weights
from unrolled.data.efficientnet_lite0_table import TABLE
from unrolled.errors import DataError
from unrolled.layers.efficientnet import EfficientNetLite0


class Same(nn.Conv2d):
    """A convolution with TensorFlow's padding."""

    def forward(self, x):
        needed = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(x.shape[2:], self.stride, self.kernel_size)]  # noqa: B905
        (top, left) = (n // 2 for n in needed)
        return super().forward(nn.ZeroPad2d((left, needed[1] - left, top, needed[0] - top))(x))


class MBConv(nn.Module):
    def __init__(self, inputs, outputs, k, stride, factor):
        super().__init__()
        self.skip = stride == 1 and inputs == outputs
        wide = inputs * factor
        if factor > 1:
            self._expand_conv, self._bn0 = Same(inputs, wide, 1, bias=False), nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = Same(wide, wide, k, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv, self._bn2 = Same(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        y = x
        if hasattr(self, "_expand_conv"):
            y = nn.functional.relu6(self._bn0(self._expand_conv(y)))
        y = nn.functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skip else y


class Reference(nn.Module):
    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = Same(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs = [], 32
        for factor, outputs, repeats, stride, k in [
            (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
            (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
        ]:  # fmt: skip
            for n in range(repeats):
                blocks.append(MBConv(inputs, outputs, k, stride if n == 0 else 1, factor))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x):
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        return x


def test_the_forward_is_that_of_the_reference():
    torch.manual_seed(0)
    reference = Reference().eval()
    if weights.installed() is not None:
        tensors = {
            name: torch.from_numpy(tensor.copy()) for name, tensor in weights.raw_tensors(weights.installed()).items()
        }
        missing = reference.load_state_dict(tensors, strict=False)
        assert not missing.unexpected_keys
        assert all(name.endswith("num_batches_tracked") for name in missing.missing_keys)
    else:
        for module in reference.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.8, 1.6)
    pixels = torch.randint(0, 256, (3, 224, 224, 3), dtype=torch.uint8)
    pixels[1] //= 2
    with torch.no_grad():
        wanted = reference(((pixels.float() - 127) / 128).permute(0, 3, 1, 2))
    found = EfficientNetLite0(reference.state_dict())(pixels)
    assert found.shape == (3, 320, 7, 7)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_table_covers_every_tensor_of_the_network_without_overlap():
    names, spans = set(), []
    for line in TABLE.strip().split("\n"):
        name, shape, _, offset = line.split()
        size = 4 * int(np.prod([int(n) for n in shape.split("x")]))
        names.add(name)
        spans.append((int(offset), int(offset) + size))
    assert names == {n for n in Reference().state_dict() if not n.endswith("num_batches_tracked")}
    spans.sort()
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert spans[-1][1] <= weights.SIZE


def test_a_file_with_another_hash_is_refused(tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(b"\0" * weights.SIZE)
    with pytest.raises(DataError, match=r"SHA-256 of .*model\.pth does not begin with 57934424"):
        weights.raw_tensors(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="SHA-256"):
        weights.raw_tensors(path)
