"""Entry point of the command ``unrolled`` and of ``python -m unrolled``."""

import sys


def run() -> int:
    """Run `cli.main`; handle a Ctrl-C that arrives before it is imported or after it returns."""
    try:
        from .machine import environment, load

        environment.limit_threads()  # before torch is loaded
        if sys.argv[1:2] != ["bench"]:  # which measures layers as they run in a user's program
            environment.spin_briefly()
        load.begin()
        from .cli import main

        status = main()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            print("stopped by Ctrl-C", file=sys.stderr)
        status = 130
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback during interpreter shutdown either
    return status


if __name__ == "__main__":
    sys.exit(run())
