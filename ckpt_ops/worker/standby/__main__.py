"""`python -m ckpt_ops.worker.standby IMPORTS FINGERPRINT`: keeps one standby interpreter."""

import sys

from ckpt_ops.worker.standby.keeper import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
