"""What a DAG file says of a task's pod is refused where it says it, with what is allowed instead."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops_airflow import Resources, Toleration


@pytest.mark.parametrize("cpu", [None, 1, 2.0, 0.5, "2", "0.25", "500m"])
@pytest.mark.parametrize("memory", [None, "512Mi", "16Gi", "1.5G", "1000000000"])
def test_quantities_of_kubernetes_are_taken(cpu: Any, memory: Any) -> None:
    assert Resources(cpu=cpu, memory=memory).memory == memory


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        *[
            ("cpu", v, "cores above 0")
            for v in (0, -1, "0m", "two", "2 ", "1Gi", 0.0001, "0.5m", True, float("nan"))
        ],
        *[
            ("memory", v, "512Mi")
            for v in ("16GB", "16 Gi", "-1Gi", "0", "512m", 16, "", "Gi", "1gi", "1e9Gi")
        ],
        *[("gpu", v, "whole number") for v in (-1, 0.5, "1", True)],
        *[("gpu_resource", v, "nvidia.com/gpu") for v in ("gpu", "", "nvidia.com/", "nvidia com/gpu")],
        *[("spot", v, "gke-spot") for v in (True, "true", {"cloud.google.com/gke-spot": True}, {"": "true"})],
        *[("node_selector", v, "labels of nodes") for v in (["a"], {"disk": 1}, {"a b": "c"}, {"a": "b c"})],
        *[("tolerations", v, "Toleration") for v in ([Toleration(key="a")], ("a",), {"key": "a"})],
    ],
)
def test_anything_else_names_the_field_the_value_and_what_is_allowed(
    field: str, value: Any, allowed: str
) -> None:
    with pytest.raises(BadInput, match=rf"(?s)^{field}=.*{re.escape(allowed)}") as refused:
        Resources(**{field: value})
    assert refused.value.field == field
    assert repr(refused.value.value) == repr(value)


@pytest.mark.parametrize(("field", "value"), [("key", ""), ("value", "a b"), ("effect", "NoSchedul")])
def test_a_toleration_that_matches_no_taint_is_refused(field: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"^{field}="):
        Toleration(**{"key": "nvidia.com/gpu", field: value})


def test_a_node_cannot_have_two_values_of_a_label() -> None:
    with pytest.raises(BadInput, match=r"^node_selector=.*as spot has it"):
        Resources(spot={"pool": "spot"}, node_selector={"pool": "large"})


def test_labels_that_change_later_change_nothing() -> None:
    labels = {"pool": "large"}
    needs = Resources(node_selector=labels)
    labels["pool"] = "small"
    assert needs.node_selector == {"pool": "large"}
