"""Where the program begins. Until its command line is imported, nothing is begun that a signal could leave.

That takes a tenth of a second, or a second on a busy machine. Python would show a traceback of some import
when Ctrl-C comes meanwhile, and the exit code would not be the one of a program that was interrupted.
"""

import os
import signal

_INTERRUPTED = 130  # as in interrupt.py, which needs imports of its own


def main() -> None:
    """Runs virtlab. The exit codes are those of ``app.main``."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # a background job's, or nohup's
            signal.signal(number, _end)
    from provisioner.cli import app

    app.main()


def _end(_number: int, _frame: object) -> None:
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(_INTERRUPTED)
