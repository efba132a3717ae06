"""Vocabularies that grow beside hashing, in tables of equal size, on 21 years of film ratings.

    python -m benchmarks.vocabularies --seeds 0,1,2,3,4 --out vocabularies.json

Year by year a version is trained and promoted as the pipeline does it; each predicts the next year before
anything trains on it. Errors are of all ratings; of films that came late, first rated in the five years
before but not in the first one; and of films that it has never seen. New films and people come every year.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import metric_named
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.store import LocalStore, Store
from demo import ratings

WAYS = ("hashing", "vocabulary")
LATE_YEARS = 5
Floats = npt.NDArray[np.float64]

MODEL = """
import keras
import numpy as np

from ckpt_ops import Examples, LazyAdam

SIZES = {{"user": 512, "movie": 2048}}
SHARED = {{"user": 32, "movie": 64}}
FACTORS = 16


def examples(table):
    users = table["user"].to_numpy()
    inputs = {{"user": users, "movie": table["movie"].to_numpy()}}
    return Examples(inputs=inputs, labels=table["rating"].to_numpy().astype(np.float32), groups=users)


def build_model({argument}):
    layers = keras.layers
    given = {{name: keras.Input((), dtype="int64", name=name) for name in SIZES}}
    rows = {{name: {rows}(given[name]) for name in SIZES}}

    def table(name, width, what):
        start = keras.initializers.RandomNormal(stddev=0.05) if width > 1 else "zeros"
        made = layers.Embedding(SIZES[name], width, embeddings_initializer=start, name=f"{{name}}_{{what}}")
        return made(rows[name])

    factors = [table(name, FACTORS, "factors") for name in SIZES]
    liking = layers.Dot(1, name="liking")(factors)
    always = layers.Lambda(lambda x: x * 0 + 1, name="one")(liking)
    start = keras.initializers.Constant(3.5)
    usual = layers.Dense(1, use_bias=False, kernel_initializer=start, name="usual")(always)
    stars = layers.Add(name="stars")([liking, usual, *(table(name, 1, "bias") for name in SIZES)])
    model = keras.Model(given, stars, name="ratings")
    model.compile(optimizer=LazyAdam(3e-3), loss="mse", jit_compile=False)
    return model
"""
PIPELINE = """
from ckpt_ops import AtMost, Budget, EverySteps, Files, Keep, Pipeline, Reservoir, Vocabulary
from movie_ratings.source import SCHEMA

ratings_{way} = Pipeline(
    name="ratings_{way}",
    source=Files(name="ratings", schema=SCHEMA, template="ratings/{{key}}.parquet", key_format="%Y"),
    expectations="expectations.json",
    model="ratings_{way}.model:build_model",
    {vocabularies}
    budget=Budget(max_steps=600, max_seconds=600, max_epochs=3),
    save=EverySteps(600),
    keep=Keep(last=1),
    replay=Reservoir(share=0.5),
    average=None,
    gates=[AtMost("rmse", 5.0)],
    seed={seed},
)
"""
VOCABULARIES = """vocabularies=[
        Vocabulary("user", 480, min_count=5, expire_after=6, buckets=32),
        Vocabulary("movie", 1984, min_count=2, expire_after=6, buckets=64),
    ],"""
ROWS = {
    "hashing": ("", 'layers.Hashing(SIZES[name], name=f"{name}_rows")'),
    "vocabulary": ("vocabularies", "vocabularies[name].layer()"),
}


def write(dags: Path, way: str, seed: int) -> None:
    """The pipeline of one way and seed."""
    argument, rows = ROWS[way]
    folder = dags / f"ratings_{way}"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "model.py").write_text(MODEL.format(argument=argument, rows=rows))
    chosen = VOCABULARIES if way == "vocabulary" else ""
    (folder / "pipeline.py").write_text(PIPELINE.format(way=way, seed=seed, vocabularies=chosen))
    rules = [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}]
    (folder / "expectations.json").write_text(json.dumps({"name": way, "expectations": rules}))


def train_here() -> None:
    """Trainings are called in this process: nothing else is measured than what models say."""
    from ckpt_ops.candidates.training import run_attempt
    from ckpt_ops.runs import train

    def attempt(pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> int:
        return run_attempt(pipeline, store, key)

    train.run_training_process = attempt


def stars(folder: Path, pipeline: Pipeline, store: LocalStore, table: pa.Table) -> Floats:
    """What the version in production says of rows, by its export."""
    import tensorflow as tf

    state = ModelLog(store, pipeline.name).state()
    trained = state.versions[state.head or 0].trained
    if trained is None:
        raise BadInput("version", state.head, "one that was trained")
    served = tf.saved_model.load(str(folder / "store" / trained.artifacts["export"]))
    given = {name: tf.constant(table[name].to_numpy()) for name in ("user", "movie")}
    return np.asarray(served.serve(given), np.float64).reshape(-1)


def measured(way: str, seed: int, years: dict[str, pa.Table]) -> dict[str, float]:
    """Root mean squared errors and NDCG of one history."""
    from ckpt_ops.runs import steps

    with tempfile.TemporaryDirectory(prefix="ckpt-ops-vocabularies-") as name:
        folder = Path(name)
        write(folder / "dags", way, seed)
        for below in ("landing", "store"):
            (folder / below).mkdir()
        os.environ["CKPT_OPS_LANDING"] = LocalStore(folder / "landing").url
        ratings.land(LocalStore(folder / "landing"))
        store = LocalStore(folder / "store")
        pipeline = load_pipeline(f"ratings_{way}", folder / "dags")
        errors: dict[str, list[Floats]] = defaultdict(list)
        ranked: list[float] = []
        ndcg = metric_named("ndcg")
        first: dict[int, int] = {}
        for key, table in years.items():
            movies, truth = table["movie"].to_numpy(), table["rating"].to_numpy()
            if first:
                said = stars(folder, pipeline, store, table)
                since = np.array([first.get(int(movie), -1) for movie in movies])
                late = (since >= int(key) - LATE_YEARS) & (since > int(next(iter(years))))
                squared = (said - truth) ** 2
                for group, of in (("all", since != 0), ("late", late), ("never seen", since < 0)):
                    errors[group].append(squared[of])
                ranked.append(ndcg(truth, said, groups=table["user"].to_numpy()))
            for movie in np.unique(movies):
                first.setdefault(int(movie), int(key))
            done = steps.run_slice(pipeline, store, key, lambda line: None)
            print(way, seed, key, done.decision, file=sys.stderr, flush=True)
        sys.path.remove(str(folder / "dags"))
        for module in [one for one in sys.modules if one.startswith(f"ratings_{way}")]:
            del sys.modules[module]
    found = {group: float(np.sqrt(np.concatenate(each).mean())) for group, each in errors.items()}
    return {**found, "ndcg": float(np.mean(ranked))}


def main() -> None:
    """Measure, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--years", type=int, default=99, help="only the first so many")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "dags"))  # the schema of ratings is described there
    train_here()
    years = dict(list(ratings.years().items())[: asked.years])
    found = [
        {"way": way, "seed": seed, **measured(way, seed, years)}
        for seed in map(int, asked.seeds.split(","))
        for way in WAYS
    ]
    text = json.dumps(found, indent=1)
    if asked.out:
        asked.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
