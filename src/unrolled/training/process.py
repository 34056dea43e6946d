"""What training needs of the process it runs in: its memory allocator, its signals, its devices."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from ..errors import ArgumentError
from ..kernels import extension


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of handing them back to the kernel after every step.

    A training step frees and takes the same tens of megabytes again and again; each time the kernel has to map and
    clear the pages (thousands of faults a step, a quarter of a small LSTM's time). Elsewhere this does nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not glibc
        return
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, 1 << 30)


def check_device(name: str) -> torch.device:
    """The device called ``name``.

    Raises:
        ArgumentError: there is none.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ArgumentError("device", "cpu, cuda, cuda:N or mps", name) from error
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(device.type, False):
        there = ", ".join(kind for kind, yes in present.items() if yes)
        raise ArgumentError("device", f"one that this machine has ({there})", name, "leave --device out for the CPU")
    return device


def half_products(precision: str, device: torch.device) -> tuple[bool, list[str]]:
    """Whether training computes its products in bfloat16, and what the user should know about that."""
    if precision != "bf16":
        return False, []
    if device.type != "cpu" or extension.bfloat16():
        return True, []
    return False, ["this processor has no bfloat16 dot products (avx512_bf16): instead of bf16, training uses float32"]


def stop_signals() -> list[signal.Signals]:
    """What asks a process to end: Ctrl-C, SIGTERM, and SIGHUP unless it is ignored (nohup)."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none
    ignored = hangup is not None and signal.getsignal(hangup) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if hangup is None or ignored else [hangup])]


class Interrupt:
    """Set by the first Ctrl-C, SIGTERM or SIGHUP; a second one of the former two raises `KeyboardInterrupt` at once.

    SIGHUP only asks, however often it comes: a terminal that goes away may send it twice.
    """

    requested = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.requested and signum in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Within it the first of `stop_signals` only asks to stop.

    Outside the main thread signals are left alone.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt) for number in stop_signals()}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
