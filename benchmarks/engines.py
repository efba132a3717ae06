"""The engines that save and restore: ours and its peers, each behind the same four verbs.

An adapter does what a user of that library would write, no more. The libraries are imported when an
adapter is made, which is never inside a measured time.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Protocol

from benchmarks.places import Place


class Engine(Protocol):
    """One way to save a training and to go on from it.

    Attributes:
        title: what it is called in reports.
        asynchronous: whether `save` returns before the checkpoint is durable.
        flushes: whether durable means flushed to disk (fsync), seen with strace; the others leave
            their bytes to the page cache, and a power cut may take them.
        stores: the kinds of place it can save to.
        note: what a reader of its numbers has to know.
    """

    title: ClassVar[str]
    asynchronous: ClassVar[bool]
    flushes: ClassVar[bool]
    stores: ClassVar[tuple[str, ...]]
    note: ClassVar[str]

    def __init__(self, model: Any, place: Place) -> None: ...

    def save(self, step: int) -> None:
        """The call that the training loop makes."""
        ...

    def wait(self) -> float:
        """Until that checkpoint is durable; when that was, by `time.perf_counter`."""
        ...

    def tidy(self) -> None:
        """Between two measured saves: what else removes old checkpoints. Most managers do it in `save`."""
        ...

    def restore(self, step: int) -> Any:
        """Go back to the checkpoint of `step`, the newest. The model to train on from there."""
        ...

    def close(self) -> None: ...


class CkptOps:
    """This project, as a pipeline's training uses it: durable when the candidate's log has the commit."""

    title = "ckpt_ops"
    asynchronous = True
    flushes = True
    stores = ("disk", "gcs")
    note = "chunks of dropped checkpoints are removed between the measured saves, as `ckpt-ops gc` would"

    def __init__(self, model: Any, place: Place) -> None:
        from ckpt_ops.checkpoints import BackgroundWriter, Commits, Keep, model_variables
        from ckpt_ops.lineage import CandidateLog

        self._model, self._store, self._durable = model, place.store(), 0.0
        self._log = CandidateLog(self._store, "bench", 1)
        self._commits = Commits(self._store, self._log.start_attempt(), Keep(last=2))
        self._variables = model_variables(model) if model.optimizer.built else {}
        self._writer = BackgroundWriter(
            self._store,
            describe=self._describe,
            name=lambda step: f"models/bench/v1/iter_num={step}/manifest-000001.json",
            commit=self._committed,
        )

    def save(self, step: int) -> None:
        from ckpt_ops.checkpoints import capture

        self._writer.submit(capture(self._variables, step=step))

    def wait(self) -> float:
        self._writer.wait()
        return self._durable

    def tidy(self) -> None:
        from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage

        remove_garbage(self._store, find_garbage(self._store, grace=0))

    def restore(self, step: int) -> Any:
        from ckpt_ops.checkpoints import load_manifest, model_variables, restore

        newest = self._log.progress().commits[-1]
        restore(self._store, load_manifest(self._store, newest.named), model_variables(self._model))
        return self._model

    def close(self) -> None:
        self._writer.__exit__(None, None, None)

    def _committed(self, saved: Any) -> None:
        self._commits.commit(saved)
        self._durable = time.perf_counter()

    @staticmethod
    def _describe(snapshot: Any, segments: Any) -> Any:
        from ckpt_ops.checkpoints import Manifest

        step = snapshot.step
        return Manifest(
            model="bench", version=1, step=step, parent=None, cursor={}, slices=(), segments=segments
        )


class _Synchronous:
    """Durable when `save` returns."""

    asynchronous = False
    flushes = False
    note = ""

    def __init__(self, model: Any, place: Place) -> None:
        self._model, self._place, self._durable = model, place, 0.0

    def save(self, step: int) -> None:
        self._write(step)
        self._place.publish()
        self._durable = time.perf_counter()

    def wait(self) -> float:
        return self._durable

    def tidy(self) -> None:
        return

    def close(self) -> None:
        return

    def _write(self, step: int) -> None:
        raise NotImplementedError


class TfSync(_Synchronous):
    """tf.train.Checkpoint of model and optimizer, kept by a CheckpointManager."""

    title = "tf.train sync"
    stores = ("disk", "gcs")

    def __init__(self, model: Any, place: Place) -> None:
        import tensorflow as tf

        super().__init__(model, place)
        self._checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(place.directory), max_to_keep=2, checkpoint_name="step"
        )

    def _write(self, step: int) -> None:
        self._manager.save(checkpoint_number=step)

    def restore(self, step: int) -> Any:
        import tensorflow as tf

        self._place.fetch()
        self._model.optimizer.build(self._model.trainable_variables)
        newest = tf.train.latest_checkpoint(str(self._place.directory))
        self._checkpoint.restore(newest).assert_existing_objects_matched()
        return self._model


class TfAsync:
    """tf.train's asynchronous checkpoint, of the tf.Variables below the Keras ones.

    Of Keras 3 objects it saves once and fails at the second save ("tf.function only supports singleton
    tf.Variables"): Keras' `_copy_trackable_to_cpu` makes a new tf.Variable each time.
    """

    title = "tf.train async"
    asynchronous = True
    flushes = False
    stores = ("disk",)
    note = "of plain tf.Variables: with Keras 3 objects it fails at the second save"

    def __init__(self, model: Any, place: Place) -> None:
        import tensorflow as tf

        self._model, self._place = model, place
        if model.optimizer.built:
            self._manage()
        self._options = tf.train.CheckpointOptions(enable_async=True)

    def save(self, step: int) -> None:
        self._manager.save(checkpoint_number=step, options=self._options)

    def wait(self) -> float:
        self._manager.sync()
        return time.perf_counter()

    def tidy(self) -> None:
        return

    def restore(self, step: int) -> Any:
        self._model.optimizer.build(self._model.trainable_variables)
        self._manage()
        newest = self._manager.latest_checkpoint
        self._checkpoint.restore(newest).assert_existing_objects_matched()
        return self._model

    def close(self) -> None:
        return

    def _manage(self) -> None:
        import tensorflow as tf

        from ckpt_ops.checkpoints import model_variables

        named = {name.replace("/", "."): each.value for name, each in model_variables(self._model).items()}
        self._checkpoint = tf.train.Checkpoint(**named)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(self._place.directory), max_to_keep=2, checkpoint_name="step"
        )


class KerasFile(_Synchronous):
    """`model.save("....keras")`: architecture, weights and optimizer in one zip."""

    title = "model.save .keras"
    stores = ("disk",)

    def _write(self, step: int) -> None:
        self._model.save(self._place.directory / f"{step}.keras")

    def restore(self, step: int) -> Any:
        import keras

        return keras.saving.load_model(self._place.directory / f"{step}.keras")


class KerasBackup(_Synchronous):
    """Keras' BackupAndRestore with `save_freq=1`, told of a batch's end whenever a save is due."""

    title = "BackupAndRestore"
    stores = ("disk",)
    note = "overwrites one file in place: a kill while it saves leaves none whole"

    def __init__(self, model: Any, place: Place) -> None:
        import keras

        super().__init__(model, place)
        self._callback = keras.callbacks.BackupAndRestore(str(place.directory), save_freq=1)
        self._callback.set_model(model)

    def _write(self, step: int) -> None:
        self._callback.on_train_batch_end(step)

    def restore(self, step: int) -> Any:
        self._callback.on_train_begin()
        return self._model


class Orbax:
    """Orbax's AsyncCheckpointer of a dict of arrays copied from the variables: part of its save call."""

    title = "Orbax async"
    asynchronous = True
    flushes = True
    stores = ("disk",)
    note = (
        "of numpy copies of the variables, which it compresses: a table's untouched accumulators cost nothing"
    )

    def __init__(self, model: Any, place: Place) -> None:
        import orbax.checkpoint as ocp

        self._model, self._place, self._ocp = model, place, ocp
        self._checkpointer = ocp.AsyncCheckpointer(ocp.StandardCheckpointHandler())

    def save(self, step: int) -> None:
        from ckpt_ops.checkpoints import model_variables

        arrays = {name: each.value.numpy() for name, each in model_variables(self._model).items()}
        path = self._place.directory / str(step)
        self._checkpointer.save(path, args=self._ocp.args.StandardSave(arrays))

    def wait(self) -> float:
        self._checkpointer.wait_until_finished()
        return time.perf_counter()

    def tidy(self) -> None:
        return

    def restore(self, step: int) -> Any:
        from ckpt_ops.checkpoints import model_variables

        arrays = self._checkpointer.restore(
            self._place.directory / str(step), args=self._ocp.args.StandardRestore()
        )
        for name, variable in model_variables(self._model).items():
            variable.assign(arrays[name])
        return self._model

    def close(self) -> None:
        self._checkpointer.close()


ENGINES: dict[str, type[Engine]] = {
    "ckpt_ops": CkptOps,
    "tf_sync": TfSync,
    "tf_async": TfAsync,
    "keras_file": KerasFile,
    "keras_backup": KerasBackup,
    "orbax": Orbax,
}
OURS = "ckpt_ops"
