"""`python -m demo`: eight real weeks of flights through the whole platform, from landing to production."""

from __future__ import annotations

import sys

from demo.run import main

if __name__ == "__main__":
    sys.exit(main())
