"""The process of a training run: memory allocator, devices, precision, threads and signals."""

from __future__ import annotations

import ctypes
import itertools
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import nn

from ..errors import ArgumentError
from ..kernels import extension
from ..machine import load
from ..machine.cores import cores, too_many


def keep_freed_memory() -> None:
    """Configure glibc's allocator to keep freed blocks instead of returning them to the kernel after every step.

    Each training step frees and allocates the same tens of megabytes; otherwise the kernel maps and clears the pages
    every time (thousands of page faults per step, a quarter of the time of a small LSTM). No effect without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not glibc
        return
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, 1 << 30)


def check_device(name: str) -> torch.device:
    """Return the device called ``name``.

    Raises:
        ArgumentError: the name is invalid, or this machine does not have the device.
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
        available = ", ".join(kind for kind, is_present in present.items() if is_present)
        raise ArgumentError("device", f"available on this machine ({available})", name, "omit --device for the CPU")
    return device


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's parameters, or of its buffers if it has no parameters."""
    return next(itertools.chain(model.parameters(), model.buffers())).device


def mixed_precision(precision: str, device: torch.device) -> tuple[bool, list[str]]:
    """Return whether training uses bfloat16 matrix products, and notes for the user."""
    if precision != "bf16":
        return False, []
    if device.type != "cpu" or extension.bfloat16():
        return True, []
    return False, ["this processor has no bfloat16 dot products (avx512_bf16): training uses float32 instead of bf16"]


def thread_notes(device: torch.device) -> list[str]:
    """Return notes for the user about threads that slow each other down: more than CPUs, or beside other processes."""
    threads = torch.get_num_threads()
    if device.type != "cpu":
        return []
    note = too_many(threads, cores()) or load.crowded(load.measured(), threads)
    return [] if note is None else [note]


def stop_signals() -> list[signal.Signals]:
    """Return the signals that request termination: SIGINT (Ctrl-C), SIGTERM, and SIGHUP unless ignored (nohup)."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)  # not on Windows
    ignored = hangup is not None and signal.getsignal(hangup) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if hangup is None or ignored else [hangup])]


class Interrupt:
    """A signal handler: the first signal sets ``requested``; a second SIGINT or SIGTERM raises `KeyboardInterrupt`.

    Repeated SIGHUPs do not raise: a closing terminal may send two.
    """

    requested = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.requested and signum in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Handle `stop_signals` with an `Interrupt`: a context manager. No effect outside the main thread."""
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
