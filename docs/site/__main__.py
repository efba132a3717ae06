"""`python -m docs.site`: build the site strictly, below `.site/html`, and check what came out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from docs.site.checking import problems
from docs.site.staging import PROJECT, stage

SITE = PROJECT / ".site"


def main() -> int:
    """0 when the site was built and nothing is wrong with it."""
    stage(SITE / "pages")
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    built = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}, check=False
    )
    if built.returncode:
        # its warnings name page and line; the traceback that follows names only itself
        sys.stderr.write(built.stdout + built.stderr.partition("Traceback")[0])
        return 1
    wrong = problems(SITE / "html")
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print("Built: .site/html. To read it: python -m http.server --directory .site/html")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
