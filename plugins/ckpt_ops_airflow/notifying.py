"""Alerts through Airflow's notifiers: at the end of each run, and by a DAG that looks every few minutes.

    ... -> promote -> tell       `notify=` of `retraining_dag` and `intake_dag`
    look                         `alerts_dag`: what commands did, and what time has brought

What stands and what was told is in the store (`ckpt_ops.alerts`), so both may be used. `tell` is a teardown:
it runs however the run went, and how it ends says nothing of the run. A notifier that fails is tried again by
the next look.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.bases.notifier import BaseNotifier

from ckpt_ops.errors import BadInput, CkptOpsError
from ckpt_ops.printable import printable
from ckpt_ops_airflow import stats
from ckpt_ops_airflow.operators import StepOperator, store_address
from ckpt_ops_airflow.results import MESSAGE, MISSING, interval
from ckpt_ops_airflow.wall_clock import on_the_clock

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.alerts import Alert, Told
    from ckpt_ops.alerts.telling import Send
    from ckpt_ops.pipeline import Intake
    from ckpt_ops.store import Store
    from ckpt_ops.views import StoreViews

AT_MOST = timedelta(minutes=2)
"""For a look: the next one waits for it."""

_LOOKING = ("pull", "list_parts")
"""Tasks that find out that a slice is missing."""


class TellOperator(StepOperator[Any]):
    """Tells what the run has brought about, and what else stands.

    Args:
        notify: the notifiers.
    """

    def __init__(self, *, notify: Sequence[BaseNotifier], **kwargs: Any) -> None:
        super().__init__(retries=0, execution_timeout=AT_MOST, **kwargs)
        self.notify = tuple(notify)

    def step(self, store: Store, context: Context) -> Told:
        """Look at the model of the run."""
        from ckpt_ops.views import StoreViews

        views = StoreViews(store)
        return look(views, self.pipeline.name, self.notify, context, moments=self._missing(views, context))

    def message(self, result: Told) -> list[str]:
        """What was told, and what was not."""
        return _lines(result)

    def _missing(self, views: StoreViews, context: Context) -> list[Alert]:
        """That the run found no slice, unless somebody has said why."""
        from ckpt_ops.alerts import missing_slice
        from ckpt_ops.lineage.missing import answered_keys, key_like

        ti = context["ti"]
        of = next((task for task in _LOOKING if ti.xcom_pull(task_ids=task, key=MISSING)), None)
        if of is None:
            return []
        start, end = interval(context)
        first, _ = on_the_clock(start, end, self.timezone)
        subject = f"{first:%Y-%m-%d %H:%M}"
        name, link = self.pipeline.name, _link(self.pipeline.name)
        try:
            state = views.state(name)
        except BadInput:  # it has no log yet
            pass
        else:
            subject = key_like(state, first) or subject
            if subject in answered_keys(state):
                return []
        said = str(ti.xcom_pull(task_ids=of, key=MESSAGE) or "")
        return [missing_slice(name, subject, said.splitlines()[0] if said else "no slice", link=link)]


class LookOperator(BaseOperator):
    """Looks at every model of the store, and tells what is due.

    Args:
        models: names; None: all there are.
    """

    def __init__(
        self, *, notify: Sequence[BaseNotifier], models: Sequence[str] | None, **kwargs: Any
    ) -> None:
        super().__init__(retries=0, execution_timeout=AT_MOST, **kwargs)
        self.notify, self.models = tuple(notify), None if models is None else tuple(models)

    def execute(self, context: Context) -> None:
        """Look. Raises at the end if the alerts of a model could not be read or written."""
        from ckpt_ops.store import open_store
        from ckpt_ops.views import StoreViews

        views = StoreViews(open_store(store_address()))
        failed = []
        for name in views.names():
            if self.models is not None and name not in self.models:
                continue
            try:
                lines = _lines(look(views, name, self.notify, context))
                stats.tell_state(views, name)
            except CkptOpsError as error:
                failed.append(f"{name}: {error}")
                continue
            for line in lines:
                self.log.info("%s", printable(line))
        stats.flush()
        if failed:
            raise RuntimeError(printable("\n".join(failed)))


def look(
    views: StoreViews,
    model: str,
    notify: Sequence[BaseNotifier],
    context: Context,
    *,
    moments: Sequence[Alert] = (),
) -> Told:
    """Tell what is due of a model. Raises as `ckpt_ops.alerts.tell`."""
    from ckpt_ops.alerts import look_at, tell

    stands = look_at(views, model, link=_link(model))
    return tell(views.store, model, stands, ways(notify, context), moments=moments)


def ways(notify: Sequence[BaseNotifier], context: Context) -> dict[str, Send]:
    """How each notifier is given an alert; by its class, and its place among those of the same."""
    found: dict[str, Send] = {}
    seen: Counter[str] = Counter()
    for notifier in notify:
        name = type(notifier).__name__
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} {seen[name]}"] = _sending(notifier, context)
    return found


def _sending(notifier: BaseNotifier, context: Context) -> Send:
    def send(alert: Alert) -> None:
        # rendering its templates changes it for good, and so does what they are rendered with
        given: Any = {**context, "alert": alert}
        copy.copy(notifier)(given)

    return send


def tell_at_end(dag: DAG, pipeline: Intake, notify: Sequence[BaseNotifier], *, timezone: str) -> None:
    """Add the task `tell` after all others. Raises `BadInput`: not a notifier, or one that tells nothing."""
    check_notifiers(notify)
    last = [task for task in dag.tasks if not task.downstream_task_ids]
    with dag:
        tell = TellOperator(task_id="tell", pipeline=pipeline, notify=notify, timezone=timezone)
        last >> tell.as_teardown()


def alerts_dag(
    *,
    notify: Sequence[BaseNotifier],
    models: Sequence[str] | None = None,
    dag_id: str = "ckpt_ops_alerts",
    schedule: str | None = "*/5 * * * *",
    tags: tuple[str, ...] = (),
) -> DAG:
    """The DAG that looks at models every few minutes, and tells what stands: one task, `look`.

    Args:
        notify: Airflow's notifiers. Their templates are given `alert` (docs/how-to/alerts.md).
        models: their names; None: every model of the store.
        dag_id: of the DAG; a second one, of other models, needs a different one.
        schedule: how often, a cron expression; None: only when somebody asks.
        tags: besides "ckpt-ops".

    Raises:
        BadInput: not a notifier, or one that tells nothing.
    """
    check_notifiers(notify)
    with DAG(
        dag_id=dag_id,
        description="Tells people what models want them for",
        schedule=schedule,
        start_date=datetime(2020, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["ckpt-ops", *tags],
    ) as dag:
        LookOperator(task_id="look", notify=notify, models=models)
    return dag


def check_notifiers(notify: Sequence[BaseNotifier]) -> None:
    """Refuse what would tell nobody anything. Raises `BadInput`."""
    allowed = "a list of Airflow's notifiers, such as SmtpNotifier(...)"
    if not isinstance(notify, Sequence) or isinstance(notify, str) or not notify:
        raise BadInput("notify", notify, allowed)
    for one in notify:
        if not isinstance(one, BaseNotifier):
            raise BadInput("notify", one, allowed)
        if type(one).__module__.startswith("airflow.") and "alert" not in repr(_templates(one)):
            raise BadInput(
                "notify",
                type(one).__name__,
                "a notifier with the alert in its message, such as subject='{{ alert.title }}', "
                "html_content='{{ alert.html }}'",
                next="see docs/how-to/alerts.md",
            )


def _templates(notifier: BaseNotifier) -> Mapping[str, object]:
    return {name: getattr(notifier, name, None) for name in notifier.template_fields}


def _lines(told: Told) -> list[str]:
    again = [f"not told, the next look tries again: {one}" for one in told.failed]
    return [*again, *(f"told: {one}" for one in told.told)]


def _link(model: str) -> str:
    from airflow.sdk.configuration import conf

    from ckpt_ops.alerts import link_to

    return link_to(model, str(conf.get("api", "base_url", fallback="")))
