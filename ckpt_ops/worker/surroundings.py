"""What a process for work finds around it: the environment, and the folder of the user's code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

END_SECONDS = 60.0
"""How long a process that is asked to end may take to save, before it is killed."""

_PROJECT = Path(__file__).parents[2]
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1", "GX_ANALYTICS_ENABLED": "false"}


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The environment of an interpreter.

    Attributes:
        code: the folder from which the user's code is imported, `CKPT_OPS_DAGS` there.
        without: another such folder, from which nothing is imported.
        beside: variables that it gets where this process has none of the name.
        hide: variables whose names begin with this are not passed on; "" passes all on.
    """

    code: Path
    without: Path | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    hide: str = ""

    def environment(self) -> dict[str, str]:
        """Its environment variables."""
        mine = {k: v for k, v in os.environ.items() if not (self.hide and k.startswith(self.hide))}
        inherited = filter(None, mine.get("PYTHONPATH", "").split(os.pathsep))
        left_out = self.without and self.without.resolve()
        others = [one for one in inherited if left_out is None or Path(one).resolve() != left_out]
        paths = os.pathsep.join([str(self.code), str(_PROJECT), *others])
        return {**_QUIET, **self.beside, **mine, "CKPT_OPS_DAGS": str(self.code), "PYTHONPATH": paths}
