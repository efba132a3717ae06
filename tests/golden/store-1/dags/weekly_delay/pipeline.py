"""Will a flight leaving New York arrive more than 15 minutes late? A small model, few rows a week."""

from __future__ import annotations

from ckpt_ops.checkpoints import EverySeconds, EverySteps, EveryVersions, FirstOf, Intermediate, Keep
from ckpt_ops.evaluation import AtLeast, AtMost, NoForgetting, NoSegmentWorse, NotWorseThan, Servable
from ckpt_ops.pipeline import Append, Pipeline, SameContent, Slices
from ckpt_ops.policies import AnyOf, Every, Rows
from ckpt_ops.training import Budget, Latest, Reservoir, Schedules, TailAverage
from weekly_delay.source import SmallWeeks

weekly_delay = Pipeline(
    name="weekly_delay",
    source=SmallWeeks(),
    expectations="expectations.json",
    same_content=SameContent.QUARANTINE,
    model="weekly_delay.model:build_model",
    examples="weekly_delay.model:examples",
    inputs="weekly_delay.model:inputs",
    update_when=AnyOf(Rows(at_least=300), Every(slices=2)),
    budget=Budget(max_steps=48, max_seconds=600, max_epochs=8, min_steps=4),
    save=FirstOf(EverySteps(24), EverySeconds(600)),
    keep=Keep(last=1, best=0, anchors=EveryVersions(versions=3, newest=3)),
    intermediate=Intermediate(layers=("hidden",), save=EverySteps(48), latest_only=True),
    replay=Reservoir(share=2.0),
    average=TailAverage(share=0.75),
    schedules=Schedules.OVER_LIFE,
    gates=[
        NotWorseThan(champion="production", metric="auc", margin=0.5, confidence=0.95),
        AtLeast("auc", 0.1),
        AtMost("log_loss", 4.0),
        NoSegmentWorse("origin", metric="auc", margin=0.5),
        NoForgetting(metric="auc", margin=0.5),
        Servable(),
    ],
    late_slices=Append(within=Slices(0)),
    batch_size=64,
    holdout=Latest(0.2, by="time_hour"),
    seed=3,
)
