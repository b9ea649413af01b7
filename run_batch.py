"""The batch of the original tool: every picture with every prompt. The same as `python -m grsai`; see --help."""

import os
import sys


def start():
    """Says which Python is needed, in words that the oldest one understands, then runs the command."""
    if sys.version_info < (3, 10):  # noqa: UP036
        needed = "Python 3.10 or newer is needed; this is %s (%s). See https://www.python.org/downloads/\n"
        sys.stderr.write(needed % (sys.version.split()[0], sys.executable))
        return 2
    # The Python of a portable ComfyUI does not look beside the script.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        from grsai.cli import main

        return main()
    except KeyboardInterrupt:  # while the modules were loaded
        return 1


if __name__ == "__main__":
    sys.exit(start())
