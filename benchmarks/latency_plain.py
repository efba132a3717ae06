"""What a person would write for one week of flights: read, train, evaluate, save, export. `latency` times it.

    python -m benchmarks.latency_plain LANDING KEY STEPS BEFORE AFTER

It goes on from the weights in the folder BEFORE, where there are any, and replays four old rows for each new
one, as the product does. It keeps nothing else: no lineage, no resuming, no validation, no champion.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

BATCH = 128
BEGAN = time.perf_counter()


def tell(stage: str) -> None:
    print(f"{stage} {time.perf_counter() - BEGAN:.3f}", flush=True)


def main(landing: Path, key: str, steps: int, before: Path, after: Path) -> None:
    import keras
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import tensorflow as tf

    from flight_delay.model import build_model, examples

    tell("imports")
    week = pq.read_table(landing / f"{key}.parquet")
    old = [pq.read_table(path) for path in sorted(landing.glob("*.parquet")) if path.stem < key]
    shuffled = np.random.default_rng(0).permutation(week.num_rows)
    held = examples(week.take(shuffled[: week.num_rows // 5]))
    learned = week.take(shuffled[week.num_rows // 5 :])
    if old:
        behind = pa.concat_tables(old)
        drawn = np.random.default_rng(1).integers(0, behind.num_rows, 4 * learned.num_rows)
        learned = pa.concat_tables([learned, behind.take(np.sort(drawn))])
    rows = examples(learned)
    tell("read")
    model = build_model()
    if (before / "model.weights.h5").exists():
        model.load_weights(before / "model.weights.h5")
    tell("build")
    data = tf.data.Dataset.from_tensor_slices((as_tensors(rows.inputs), np.asarray(rows.labels)))
    batches = data.shuffle(rows.rows, seed=2).repeat().batch(BATCH).prefetch(tf.data.AUTOTUNE)
    model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0)
    tell("train")
    found = keras.metrics.AUC()
    found.update_state(np.asarray(held.labels), model.predict(as_tensors(held.inputs), 4096, verbose=0)[:, 0])
    print(f"auc {float(found.result()):.4f}", flush=True)
    tell("evaluate")
    after.mkdir(parents=True, exist_ok=True)
    model.save_weights(after / "model.weights.h5")
    model.export(after / "export", verbose=False)
    tell("save")


def as_tensors(inputs: object) -> dict[str, object]:
    import numpy as np
    import tensorflow as tf

    return {name: tf.constant(np.asarray(column)) for name, column in dict(inputs).items()}  # type: ignore[call-overload]


if __name__ == "__main__":
    where, key, steps, before, after = sys.argv[1:]
    main(Path(where), key, int(steps), Path(before), Path(after))
