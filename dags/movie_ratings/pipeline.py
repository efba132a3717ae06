"""How will a person like a film? Nearly all of it is a table, a row a film; a year touches few."""

from __future__ import annotations

from ckpt_ops import (
    Append,
    AtLeast,
    AtMost,
    Budget,
    Doubling,
    EverySteps,
    Keep,
    NotWorseThan,
    Pipeline,
    Reservoir,
    Servable,
    Slices,
)
from movie_ratings.source import source

movie_ratings = Pipeline(
    name="movie_ratings",
    source=source,
    expectations="expectations.json",
    model="movie_ratings.model:build_model",
    budget=Budget(max_steps=600, max_seconds=600, max_epochs=3),
    save=EverySteps(100),
    keep=Keep(last=2, anchors=Doubling()),
    replay=Reservoir(share=0.5),
    average=None,  # of a table of which a year touches little
    gates=[
        NotWorseThan(metric="rmse", margin=0.02),
        AtMost("rmse", 1.15),  # stars
        AtLeast("ndcg", 0.85),  # of each person's films, the first ten
        Servable(tolerance=1e-5),
    ],
    late_slices=Append(within=Slices(2)),
)
