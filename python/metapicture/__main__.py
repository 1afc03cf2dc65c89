"""The program's command line, in this process: `metapicture`, and `python -m metapicture`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the program with the arguments of this process, and ends the process with its exit code."""
    try:
        from ._libtorch import native
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    # The program has its own way with Ctrl-C, and without one it ends at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    native.run([sys.executable, "-m", "metapicture"], sys.argv[1:])
    raise AssertionError("the program ends the process")


if __name__ == "__main__":
    main()
