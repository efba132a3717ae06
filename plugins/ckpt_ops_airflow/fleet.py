"""From a fleet to its DAGs: one file, a DAG for each member.

A member that cannot be described gets a DAG, too, whose runs fail and say why. It is no import error: Airflow
marks every DAG of a file that has one as stale and starts no run of them, so one member would stop all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable, get_parsing_context
from airflow.sdk.exceptions import AirflowFailException

from ckpt_ops.errors import BadInput, CkptOpsError, MemberNotDescribed
from ckpt_ops.pipeline import Fleet, Pipeline
from ckpt_ops.pipeline.naming import member_name
from ckpt_ops.printable import first_few, printable
from ckpt_ops.short_errors import in_short
from ckpt_ops_airflow.factory import check_described, intake_dag, retraining_dag

if TYPE_CHECKING:
    from airflow.sdk import Context

NOT_DESCRIBED = "not-described"
"""The tag of a DAG that stands for a member without a description."""


def fleet_dags(
    fleet: Fleet,
    *,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    beside: Sequence[Callable[[Pipeline], DAG]] = (),
    tags: tuple[str, ...] = (),
    **settings: Any,
) -> dict[str, DAG]:
    """The DAGs of all members, by their ids: `globals().update(fleet_dags(...))` in `dags/{fleet}/dag.py`.

    A member's DAG has its name, such as "flights_by_carrier.AA", and the fleet's name as a tag. A task of one
    DAG makes that DAG alone.

    Args:
        fleet: whose models are kept fresh, or whose slices are taken in.
        overrides: by member, the settings in which its DAG differs: `{"AA": {"schedule": "@daily"}}`.
        beside: what else each model gets, such as `rebase_dag`, `retrain_dag` or `export_dag`: one more DAG
            for each member. `ckpt-ops rebase` and its like need none.
        tags: besides "ckpt-ops" and the fleet's name.
        settings: of all DAGs, as `retraining_dag` takes them; of a member without a model, as `intake_dag`.

    Raises:
        BadInput: an override for what is no member; a refused setting of all DAGs; two DAGs with one id.
    """
    overrides = overrides or {}
    if unknown := [key for key in overrides if not fleet.has(key)]:
        raise BadInput("overrides", unknown[0], f"members of {fleet.name}: {first_few(fleet.members, 8)}")
    made: dict[str, DAG] = {}
    for key in _asked_for(fleet, get_parsing_context().dag_id):
        own = overrides.get(key, {})
        chosen = {**settings, **own, "tags": (fleet.name, *tags, *own.get("tags", ()))}
        for dag in _dags_of(fleet, key, chosen, beside, differs=bool(own)):
            if dag.dag_id in made:
                raise BadInput("members", key, f"a name by which no two DAGs have one id, {dag.dag_id}")
            made[dag.dag_id] = dag
    return made


def _asked_for(fleet: Fleet, dag_id: str | None) -> Iterable[str]:
    """All members; where Airflow wants one DAG, to run a task of it, those whose it may be."""
    if dag_id is None:
        return fleet.members
    names = {member_name(fleet.name, key): key for key in fleet.members}
    if dag_id in names:
        return (names[dag_id],)
    return [key for name, key in names.items() if dag_id.startswith(f"{name}_")]


def _dags_of(
    fleet: Fleet,
    key: str,
    settings: Mapping[str, Any],
    beside: Sequence[Callable[[Pipeline], DAG]],
    *,
    differs: bool,
) -> Iterable[DAG]:
    """The member's DAGs. What is wrong with this member alone makes one that says so; else it is raised."""
    try:
        found = fleet.pipeline(key)
        check_described(found)
    except CkptOpsError as error:
        return [stand_in(fleet, key, error, settings)]
    try:
        if not isinstance(found, Pipeline):
            return [intake_dag(found, **settings)]
        dag = retraining_dag(found, **settings)
    except Exception as error:
        if not differs:
            raise
        return [stand_in(fleet, key, _refused(fleet, key, error), settings)]
    return [dag, *(more(found) for more in beside)]


def _refused(fleet: Fleet, key: str, error: Exception) -> MemberNotDescribed:
    return MemberNotDescribed(
        f"{member_name(fleet.name, key)} has no DAG: {in_short(error)}",
        safe="the other members go on",
        next=f"fix overrides={{{key!r}: ...}} in {fleet.name}/dag.py",
    )


def stand_in(fleet: Fleet, key: str, error: CkptOpsError, settings: Mapping[str, Any]) -> DAG:
    """The DAG of a member that has none: it keeps the schedule, and each of its runs fails with the error."""
    known = {name: settings[name] for name in ("start_date", "end_date") if name in settings}
    with DAG(
        dag_id=member_name(fleet.name, key),
        description=f"Cannot run: {printable(error.what)}",
        schedule=_schedule(settings),
        catchup=False,
        tags=["ckpt-ops", NOT_DESCRIBED, *settings["tags"]],
        doc_md=f"```\n{error}\n```",
        **known,
    ) as dag:
        NotDescribedOperator(task_id="describe", why=str(error))
    return dag


def _schedule(settings: Mapping[str, Any]) -> CronDataIntervalTimetable | None:
    try:
        return CronDataIntervalTimetable(
            settings.get("schedule", "@weekly"), timezone=settings.get("timezone", "UTC")
        )
    except Exception:  # noqa: BLE001 - the schedule may be what is wrong
        return None


class NotDescribedOperator(BaseOperator):
    """Fails for good, with the reason why the member has no DAG of its own.

    Args:
        why: what is wrong, what is safe and what to do.
    """

    def __init__(self, *, why: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.why = why

    def execute(self, context: Context) -> None:
        """Fail."""
        raise AirflowFailException(self.why)
