"""Frozen weights, gradual unfreezing and rates by layer."""

import pytest
import torch
from torch import nn

from unrolled.errors import ArgumentError
from unrolled.layers import Stack
from unrolled.training.freeze import Freezing, parts_of
from unrolled.training.optim import Average, make_optimizer
from unrolled.training.options import Training
from unrolled.training.start_options import Start
from unrolled.training.timing import Plan


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(5, 3)
        self.stack = Stack.build("gru", 3, 4, num_layers=2)
        self.head = nn.Linear(4, 2)

    def forward(self, ids):
        return self.head(self.stack(self.embedding(ids))[0])


def trained(net, steps=3, **start):
    """Train a few steps with strong decay and averaging; return the values before."""
    freezing = Freezing(net, Start(**start), Plan(steps))
    options = Training(steps=steps, lr=0.1, weight_decay=0.5, ema_decay=0.9)
    optimizer, average = make_optimizer(net, options, freezing.scale), Average(net, options, Plan(steps))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    for step in range(steps):
        freezing.before(step)
        optimizer.zero_grad()
        net(torch.randint(5, (4, 2))).square().sum().backward()
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * group["scale"]
        optimizer.step()
        average.update(step)
    return before, average


def same(net, before):
    return {name for name, p in net.named_parameters() if torch.equal(p, before[name])}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("embedding", "embedding."),
        ("layer 1", "stack.layers.0."),
        ("Layer-2", "stack.layers.1."),
        ("stack.layers.1.*", "stack.layers.1."),
        ("stack", "stack."),
    ],
)
def test_frozen_weights_do_not_change(pattern, expected):
    net = Net()
    before, average = trained(net, freeze=(pattern,))
    frozen = {name for name in before if name.startswith(expected)}
    assert same(net, before) == frozen
    assert frozen
    assert all(torch.equal(average.weights[name], before[name]) for name in frozen)
    assert all(net.get_parameter(name).grad is None for name in frozen)


def test_patterns_that_match_nothing_or_everything():
    with pytest.raises(ArgumentError, match=r"freeze must be one of embedding, layer 1, layer 2, head, or a pattern"):
        Freezing(Net(), Start(freeze=("layer 3",)), Plan(1))
    with pytest.raises(ArgumentError, match="freeze must be patterns that leave a part"):
        Freezing(Net(), Start(freeze=("*",)), Plan(1))


def test_new_weights_are_not_frozen():
    net, new = Net(), ["head.weight", "head.bias", "stack.layers.0.0.bias_ih"]
    freezing = Freezing(net, Start(freeze=("layer 1",)), Plan(1), new)
    assert [p for p in freezing.depth if p is net.get_parameter("stack.layers.0.0.bias_ih")]
    assert not net.get_parameter("stack.layers.0.0.weight_ih").requires_grad
    with pytest.raises(ArgumentError, match="one of embedding, layer 1, layer 2, or a pattern"):
        Freezing(net, Start(freeze=("head",)), Plan(1), new)


def test_rates_by_layer():
    net = Net()
    freezing = Freezing(net, Start(layer_rate=2.0), Plan(1))
    scales = {part: freezing.scale(net.get_parameter(name)) for name, part in parts_of(net).items()}
    assert scales == {"head": 1.0, "layer 2": 0.5, "layer 1": 0.25, "embedding": 0.125}
    groups = make_optimizer(net, Training(steps=1, lr=0.1, weight_decay=0.0), freezing.scale).param_groups
    assert [group["scale"] for group in groups] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))


def test_gradual_unfreezing_adds_a_layer_at_a_time():
    net = Net()
    freezing = Freezing(net, Start(unfreeze="gradual", freeze=("layer 1",)), Plan(40))
    stages = []
    for step in range(40):
        freezing.before(step)
        now = {part for name, part in parts_of(net).items() if net.get_parameter(name).requires_grad}
        if not stages or stages[-1][1] != now:
            stages.append((step, now))
    assert stages == [(0, {"head"}), (10, {"head", "layer 2"}), (20, {"head", "layer 2", "embedding"})]
    later = Freezing(net, Start(unfreeze="gradual"), Plan(40))
    later.before(13)  # a run that resumes there
    assert not net.embedding.weight.requires_grad


def test_parts_of_several_stacks():
    net = nn.ModuleDict({"encoder": Stack.build("rnn", 2, 2), "decoder": Stack.build("rnn", 2, 2, num_layers=2)})
    assert set(parts_of(net).values()) == {"encoder layer 1", "decoder layer 1", "decoder layer 2"}
    Freezing(net, Start(freeze=("encoder", "decoder layer 1")), Plan(1))
    trains = {name for name, p in net.named_parameters() if p.requires_grad}
    assert {name.split(".")[2] for name in trains} == {"1"}
    assert all(name.startswith("decoder") for name in trains)
