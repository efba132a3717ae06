"""From what tasks need to the pods in which KubernetesExecutor runs them.

The executor merges a task's `pod_override` into the template of all pods: a field that is set here takes the
place of the template's, and environment variables are added to the template's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator

from ckpt_ops import extras
from ckpt_ops.errors import BadInput, ExtraMissing
from ckpt_ops.worker import END_SECONDS
from ckpt_ops_airflow.resources import Resources, Toleration

if TYPE_CHECKING:
    from kubernetes.client import models

ALL = "*"
"""Stands for every task that has no entry of its own."""

GRACE_SECONDS = int(END_SECONDS) + 30
"""From SIGTERM to SIGKILL: a training has `END_SECONDS` to save, and Airflow a moment to report it."""

LEADER, MEMBERS = "train", "train_worker"
_AS = {MEMBERS: LEADER}  # workers of one gang need the same, unless a DAG file says otherwise


def give(dag: DAG, resources: Mapping[str, Resources] | None) -> None:
    """Give each task of the DAG what `resources` says: its own entry, else that of "*".

    `train_worker` without an entry gets what `train` gets. Without `resources`, nothing is imported or
    changed.

    Raises:
        BadInput: a key is no task of the DAG, or a value no `Resources`.
        ExtraMissing: the client of Kubernetes is not installed.
    """
    if resources is None:
        return
    _check(dag, resources)
    if not resources:
        return
    _require_client(dag)
    in_gang = {LEADER, MEMBERS} if MEMBERS in dag.task_ids else set()
    for task in dag.tasks:
        needs = _of(task.task_id, resources)
        if needs is None:
            continue
        config = {"pod_override": pod(needs, in_gang=task.task_id in in_gang)}
        if isinstance(task, MappedOperator):
            task.partial_kwargs["executor_config"] = config
        else:
            task.executor_config = config


def pod(needs: Resources, *, in_gang: bool = False) -> models.V1Pod:
    """The part of a pod that is the task's own.

    Args:
        in_gang: the task is a worker of several: it tells the others the address of its pod.
    """
    from kubernetes.client import models

    return models.V1Pod(
        spec=models.V1PodSpec(
            # the executor's container has this name, and has to be the first
            containers=[
                models.V1Container(name="base", resources=_asked(needs), env=_address() if in_gang else None)
            ],
            node_selector={**needs.spot, **needs.node_selector} or None,
            tolerations=[_toleration(one) for one in _tolerated(needs)] or None,
            termination_grace_period_seconds=GRACE_SECONDS,
        )
    )


def _require_client(dag: DAG) -> None:
    try:
        import kubernetes  # noqa: F401
    except ImportError as error:
        raise ExtraMissing(
            f"resources= of the DAG {dag.dag_id} needs kubernetes, which the extra 'kubernetes' installs",
            safe="what is stored is untouched",
            next=extras.install("kubernetes"),
        ) from error


def _check(dag: DAG, resources: object) -> None:
    if not isinstance(resources, Mapping):
        raise BadInput("resources", resources, 'Resources by task id: {"train": Resources(cpu=4)}')
    known = sorted(dag.task_ids)
    for task_id, needs in resources.items():
        if task_id != ALL and task_id not in known:
            raise BadInput(
                "resources",
                task_id,
                f'the id of a task of {dag.dag_id} or "{ALL}" for all: {", ".join(known)}',
                next=f"correct the key {task_id!r} in the call that makes {dag.dag_id}",
            )
        if not isinstance(needs, Resources):
            raise BadInput(f"resources[{task_id!r}]", needs, "Resources(cpu=..., memory=..., gpu=...)")


def _of(task_id: str, resources: Mapping[str, Resources]) -> Resources | None:
    names = (task_id, _AS.get(task_id), ALL)
    return next((resources[name] for name in names if name is not None and name in resources), None)


def _asked(needs: Resources) -> models.V1ResourceRequirements | None:
    """Memory is bounded by what is asked for; cores are not, as a throttled training only takes longer."""
    from kubernetes.client import models

    gpus = {needs.gpu_resource: str(needs.gpu)} if needs.gpu else {}
    memory = {"memory": needs.memory} if needs.memory is not None else {}
    cpu = {"cpu": str(needs.cpu)} if needs.cpu is not None else {}
    if not (gpus or memory or cpu):
        return None
    # GPUs are never shared out beyond their number: asked for and bounded alike, as Kubernetes wants them
    return models.V1ResourceRequirements(
        requests={**cpu, **memory, **gpus}, limits={**memory, **gpus} or None
    )


def _address() -> list[models.V1EnvVar]:
    """Without it, workers take it that all of them are on one host (`ckpt_ops.gang.meeting.own_address`)."""
    from kubernetes.client import models

    address = models.V1EnvVarSource(field_ref=models.V1ObjectFieldSelector(field_path="status.podIP"))
    return [models.V1EnvVar(name="CKPT_OPS_WORKERS_ADDRESS", value_from=address)]


def _tolerated(needs: Resources) -> list[Toleration]:
    spot = [Toleration(key=key, value=value) for key, value in needs.spot.items()]
    gpu = [Toleration(key=needs.gpu_resource)] if needs.gpu else []
    return list(dict.fromkeys([*needs.tolerations, *spot, *gpu]))


def _toleration(one: Toleration) -> models.V1Toleration:
    from kubernetes.client import models

    operator = "Exists" if one.value is None else "Equal"
    return models.V1Toleration(key=one.key, operator=operator, value=one.value, effect=one.effect)
