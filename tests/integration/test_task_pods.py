"""What tasks need reaches the pods that KubernetesExecutor would create, which the API's schema takes.

No cluster is asked: the DAG goes through Airflow's serialization, its overrides through the executor's merge,
and what comes out through the JSON schema of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from airflow_process import in_a_process

from ckpt_ops.embedded.settings import Settings

BEGINNING = """
import json, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ckpt_ops.errors import BadInput, ExtraMissing
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.training.distribution import Workers
from ckpt_ops_airflow import (
    Resources, Toleration, export_dag, intake_dag, rebase_dag, retrain_dag, retraining_dag
)

shared = load_pipeline("shared", Path("tests/dags"))
alone = load_pipeline("steady", Path("tests/dags"))
told = {"start_date": datetime(2013, 1, 6, tzinfo=UTC), "retries": 2}
"""

OVERRIDES = (
    BEGINNING
    + """
import kubernetes.client as k8s
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from airflow.serialization.serialized_objects import DagSerialization

needs = {
    "*": Resources(cpu="250m", memory="1Gi"),
    "train": Resources(
        cpu=8,
        memory="32Gi",
        gpu=2,
        spot={"cloud.google.com/gke-spot": "true"},
        node_selector={"cloud.google.com/gke-accelerator": "nvidia-l4"},
        tolerations=(Toleration(key="team", value="models"),),
    ),
    "evaluate": Resources(gpu=1),
}
of_three = replace(shared, batch_size=129, distribution=Workers(count=3))
sys.modules["shared.pipeline"].shared = of_three  # as if its file said so
make = lambda: retraining_dag(of_three, **told, resources=needs)
written = DagSerialization.to_dict(make())
again = DagSerialization.to_dict(make())
read = DagSerialization.from_dict(json.loads(json.dumps(written)))
template = k8s.V1Pod(
    api_version="v1",
    kind="Pod",
    metadata=k8s.V1ObjectMeta(name="template", labels={"tier": "airflow"}),
    spec=k8s.V1PodSpec(
        restart_policy="Never",
        termination_grace_period_seconds=600,
        node_selector={"pool": "airflow"},
        containers=[
            k8s.V1Container(
                name="base",
                image="airflow:3.3",
                env=[k8s.V1EnvVar(name="CKPT_OPS_STORE", value="gs://bucket/prefix")],
                resources=k8s.V1ResourceRequirements(requests={"cpu": "100m"}, limits={"cpu": "1"}),
            ),
            k8s.V1Container(name="sidecar", image="proxy:1"),
        ],
    ),
)
plain = k8s.ApiClient().sanitize_for_serialization
pods = {
    task_id: plain(PodGenerator.reconcile_pods(template, task.executor_config["pod_override"]))
    for task_id, task in read.task_dict.items()
}
print(json.dumps({"pods": pods, "same each time": written == again}))
"""
)

REFUSALS = (
    BEGINNING
    + """
def refused(make, pipeline, **settings):
    try:
        make(pipeline, **settings)
    except BadInput as error:
        return [error.field, str(error)]

some = Resources(cpu=1)
found = {
    "retraining": refused(retraining_dag, alone, **told, resources={"trian": some}),
    "no gang": refused(retraining_dag, alone, **told, resources={"train_worker": some}),
    "intake": refused(intake_dag, alone, **told, resources={"train": some}),
    "rebase": refused(rebase_dag, alone, resources={"train": some}),
    "retrain": refused(retrain_dag, alone, resources={"train": some}),
    "export": refused(export_dag, alone, resources={"train": some}),
    "no resources": refused(export_dag, alone, resources={"export": {"cpu": 1}}),
    "no mapping": refused(export_dag, alone, resources=some),
}
retraining_dag(alone, **told)
found["client without resources"] = "kubernetes" in sys.modules
made = {"rebase": rebase_dag, "retrain": retrain_dag, "export": export_dag}
found["given"] = {
    name: sorted(t.task_id for t in make(alone, resources={"*": some}).tasks if t.executor_config)
    for name, make in made.items()
}
for name in [name for name in sys.modules if name.partition(".")[0] == "kubernetes"]:
    del sys.modules[name]
sys.modules["kubernetes"] = None
try:
    export_dag(alone, resources={"export": some})
except ExtraMissing as error:
    found["missing"] = str(error)
print(json.dumps(found))
"""
)


@pytest.fixture(scope="module")
def answer(
    tmp_path_factory: pytest.TempPathFactory,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
) -> Callable[[str], Any]:
    folder = tmp_path_factory.mktemp("pods")
    environment = {**clean_environment, "CKPT_OPS_STORE": f"file://{folder}"}
    return lambda script: in_a_process(script, settings_in(folder), environment)


@pytest.fixture(scope="module")
def overrides(answer: Callable[[str], Any]) -> Any:
    return answer(OVERRIDES)


@pytest.fixture(scope="module")
def pods(overrides: Any) -> dict[str, Any]:
    return dict(overrides["pods"])


@pytest.fixture(scope="module")
def refusals(answer: Callable[[str], Any]) -> Any:
    return answer(REFUSALS)


@pytest.mark.parametrize("version", ["1.31", "1.36"])
def test_the_schema_of_the_api_takes_every_task_s_pod(pods: dict[str, Any], version: str) -> None:
    assert len(pods) >= 8
    for pod in pods.values():
        kubernetes_validate.validate(pod, version, strict=True)


def test_the_schema_refuses_what_is_misspelt_or_of_another_type(pods: dict[str, Any]) -> None:
    """Else the test above would say nothing."""
    spec = pods["train"]["spec"]
    for wrong in ({"terminationGracePeriod": 90}, {"nodeSelector": {"spot": True}}, {"tolerations": {}}):
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate({**pods["train"], "spec": {**spec, **wrong}}, "1.36", strict=True)


def test_train_gets_its_gpus_on_spot_nodes(pods: dict[str, Any]) -> None:
    spec = pods["train"]["spec"]
    base, sidecar = spec["containers"]
    assert (base["name"], base["image"]) == ("base", "airflow:3.3")
    assert base["resources"] == {
        "requests": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "32Gi", "nvidia.com/gpu": "2"},
    }
    assert "resources" not in sidecar
    assert spec["nodeSelector"] == {
        "cloud.google.com/gke-spot": "true",
        "cloud.google.com/gke-accelerator": "nvidia-l4",
    }
    assert spec["tolerations"] == [
        {"key": "team", "operator": "Equal", "value": "models", "effect": "NoSchedule"},
        {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
    ]


def test_the_other_workers_of_a_gang_get_what_train_gets(pods: dict[str, Any]) -> None:
    assert pods["train_worker"] == pods["train"]


def test_workers_of_a_gang_tell_each_other_the_address_of_their_pod(pods: dict[str, Any]) -> None:
    environments = {name: pod["spec"]["containers"][0]["env"] for name, pod in pods.items()}
    store = {"name": "CKPT_OPS_STORE", "value": "gs://bucket/prefix"}
    address = {
        "name": "CKPT_OPS_WORKERS_ADDRESS",
        "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}},
    }
    assert environments.pop("train") == environments.pop("train_worker") == [store, address]
    assert all(environment == [store] for environment in environments.values())


def test_the_others_get_what_is_for_all_unless_they_have_an_entry(pods: dict[str, Any]) -> None:
    asked = {name: pod["spec"]["containers"][0]["resources"] for name, pod in pods.items()}
    gpu = {"nvidia.com/gpu": "1"}
    assert asked.pop("evaluate") == {"requests": gpu, "limits": gpu}
    for name in ("train", "train_worker"):
        del asked[name]
    for_all = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    assert all(found == for_all for found in asked.values())
    assert pods["pull"]["spec"]["nodeSelector"] == {"pool": "airflow"}


def test_a_pod_that_is_asked_to_end_has_time_to_save(pods: dict[str, Any]) -> None:
    from ckpt_ops.worker import END_SECONDS

    assert all(pod["spec"]["terminationGracePeriodSeconds"] > END_SECONDS for pod in pods.values())


def test_the_serialized_dag_is_the_same_each_time(overrides: Any) -> None:
    assert overrides["same each time"]


@pytest.mark.parametrize(
    ("case", "known"),
    [
        ("retraining", "decide, evaluate"),
        ("no gang", "train, validate"),
        ("intake", "pull, "),
        ("rebase", "evaluate, plan, promote, replay"),
        ("retrain", "evaluate, plan, promote, retrain"),
        ("export", "for all: export"),
    ],
)
def test_a_task_that_the_dag_has_not_is_refused_with_those_it_has(
    refusals: Any, case: str, known: str
) -> None:
    field, text = refusals[case]
    assert field == "resources"
    assert known in text


def test_a_value_that_is_no_resources_is_refused(refusals: Any) -> None:
    assert refusals["no resources"][0] == "resources['export']"
    assert refusals["no mapping"][0] == "resources"


def test_every_factory_gives_its_tasks_what_they_need(refusals: Any) -> None:
    assert refusals["given"] == {
        "rebase": ["evaluate", "plan", "promote", "replay"],
        "retrain": ["evaluate", "plan", "promote", "retrain"],
        "export": ["export"],
    }


def test_the_client_is_imported_only_where_resources_are_given(refusals: Any) -> None:
    assert refusals["client without resources"] is False


def test_without_the_extra_the_error_names_it(refusals: Any) -> None:
    assert "pip install 'ckpt-ops[kubernetes]'" in refusals["missing"]
