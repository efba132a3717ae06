"""What must hold before the stack starts: the one-shot service `preflight`, for which all others wait.

Secrets, then the database, then the buckets; whatever is wrong ends it with exit code 1, what is safe and
what to do next, and nothing else starts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from ckpt_ops.errors import CkptOpsError
from team import buckets, metadata, secret_strength


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Check and prepare; one line for each step."""
    store, landing = environ["CKPT_OPS_STORE"], environ["CKPT_OPS_LANDING"]
    upgrade = environ.get("CKPT_OPS_UPGRADE") == metadata.UPGRADE
    steps: dict[str, Callable[[], Any]] = {
        "secrets": lambda: secret_strength.require_strong(environ),
        "database": lambda: metadata.require_same_version(metadata.revision(), upgrade=upgrade),
        "credentials": lambda: buckets.require_credentials(
            "GOOGLE_CREDENTIALS_FILE", environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
        ),
        "buckets": lambda: buckets.create_local(store, landing),
        "store": lambda: buckets.require_writable("CKPT_OPS_STORE", store),
        "landing": lambda: buckets.require_readable("CKPT_OPS_LANDING", landing),
        "tables": metadata.migrate,
        "admin": lambda: metadata.create_admin(environ["AIRFLOW_ADMIN_PASSWORD"]),
    }
    for name, step in steps.items():
        began = time.monotonic()
        try:
            step()
        except CkptOpsError as error:
            print(f"preflight: {name} refused. {error}", flush=True)
            return 1
        print(f"preflight: {name} good ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
