"""What the demo shows of a training that another process follows: its log, and what it told as records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ckpt_ops.worker import CheckpointSaved, StepsDone, progress
from demo.progress import TrainingNotes


def test_it_is_the_last_thing_said_and_how_many_checkpoints_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = TrainingNotes(tmp_path, since=0)
    assert notes.text() == "starting"
    folder = tmp_path / "logs" / "training" / "flight_delay-v1-abc"
    folder.mkdir(parents=True)
    monkeypatch.setattr(progress, "_file", [folder / "progress.jsonl"])
    log = folder / "train.log"
    log.write_text("importing TensorFlow\n")
    assert notes.text() == "importing TensorFlow"

    progress.tell(StepsDone(step=150, last=400, metrics={"loss": 0.51}))
    for step in (100, 150):
        progress.tell(CheckpointSaved(step=step, nbytes=2000, uploaded=10))
    log.write_text(capsys.readouterr().out + "E0000 00:00:1769860800.123456 12345 cuda.cc:1228] no GPU\n")

    assert notes.text() == "step 150/400 loss 0.5100, 2 checkpoint(s)"
    kinds = [json.loads(line)["kind"] for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert kinds == ["steps_done", "checkpoint_saved", "checkpoint_saved"]
