"""The batch under the first name that it had. The same command as run_batch.py; see --help."""

import os
import runpy

if __name__ == "__main__":
    runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_batch.py"), run_name="__main__")
