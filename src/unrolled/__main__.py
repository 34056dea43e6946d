"""Where the command ``unrolled`` begins; ``python -m unrolled`` is the same."""

import sys


def run() -> int:
    """`cli.main`, also for a Ctrl-C that comes before it is there or after it is over."""
    try:
        from .cli import main

        status = main()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            print("stopped by Ctrl-C", file=sys.stderr)
        status = 130
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what Python does at its end shows no traceback either
    return status


if __name__ == "__main__":
    sys.exit(run())
