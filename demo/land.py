"""`python -m demo.land ratings`: real data into the landing, for pipelines that `make demo` does not run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from ckpt_ops.cli.store_option import chosen_store
from ckpt_ops.embedded.settings import LANDING
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.store import Store, open_store
from demo import flights, ratings, weather

DATA: dict[str, tuple[Callable[[Store], list[str]], str]] = {
    "flights": (flights.land, "flight_delay"),
    "ratings": (ratings.land, "movie_ratings"),
    "weather": (weather.land, "rain"),
}


def main(arguments: list[str] | None = None) -> int:
    """Land one set of data where sources look: CKPT_OPS_LANDING, else the embedded platform's."""
    asked = argparse.ArgumentParser(prog="python -m demo.land", description=__doc__)
    asked.add_argument("data", choices=sorted(DATA))
    land, pipeline = DATA[asked.parse_args(arguments).data]
    try:
        with chosen_store(None):
            url = os.environ.get("CKPT_OPS_LANDING", LANDING)
            written = land(open_store(url))
    except CkptOpsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(written)} slices written below {url}; those that were there already are unchanged")
    print(f"Next: ckpt-ops run {pipeline} --slice KEY, or a backfill of the DAG {pipeline} in Airflow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
