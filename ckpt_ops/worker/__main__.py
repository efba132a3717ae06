"""`python -m ckpt_ops.worker`: an interpreter that does one piece of work. Its arguments are a title."""

import sys

from ckpt_ops.worker.work import main

if __name__ == "__main__":
    sys.exit(main())
