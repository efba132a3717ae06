"""What a task needs of a Kubernetes cluster, checked where a DAG file says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from ckpt_ops import checks
from ckpt_ops.errors import BadInput

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_PLAIN = r"[0-9]+(?:\.[0-9]+)?"
_CPU = re.compile(rf"({_PLAIN})(m?)")
_MEMORY = re.compile(rf"({_PLAIN})(?:[kMGTPE]|[KMGTPE]i)?")
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
_KEY = re.compile(rf"(?:{_DOMAIN}/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_RESOURCE = re.compile(rf"{_DOMAIN}/{_NAME}")

_CPU_ALLOWED = 'cores above 0, no finer than a thousandth, such as 2, 0.5 or "500m"'
_MEMORY_ALLOWED = 'a Kubernetes quantity of bytes above 0, such as "512Mi", "16Gi" or "16G"'
_SPOT_ALLOWED = (
    "the label that your cluster's spot nodes carry, such as "
    '{"cloud.google.com/gke-spot": "true"} (GKE), {"eks.amazonaws.com/capacityType": "SPOT"} (EKS) or '
    '{"kubernetes.azure.com/scalesetpriority": "spot"} (AKS)'
)


@dataclass(frozen=True, kw_only=True)
class Toleration:
    """A taint of nodes on which a task's pod may run all the same.

    Attributes:
        key: the taint's key, such as "nvidia.com/gpu".
        value: the taint's value; None: any.
        effect: "NoSchedule", "PreferNoSchedule" or "NoExecute"; None: any.

    Raises:
        BadInput: naming the attribute.
    """

    key: str
    value: str | None = None
    effect: str | None = "NoSchedule"

    def __post_init__(self) -> None:
        _label("key", self.key, _KEY, "a taint's key, such as 'nvidia.com/gpu'")
        if self.value is not None:
            _label("value", self.value, _VALUE, "a taint's value, such as 'present', or None: any")
        if self.effect is not None and self.effect not in EFFECTS:
            raise BadInput("effect", self.effect, f"{', '.join(EFFECTS)}, or None: any")


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What the pod of a task asks for where Kubernetes runs it (docs/how-to/kubernetes.md).

    Other executors than KubernetesExecutor ignore it. What is not given stays as the pod's template says.

    Attributes:
        cpu: cores that are asked for, such as 2, 0.5 or "500m". There is no upper bound on what is used.
        memory: bytes as a quantity of Kubernetes, such as "16Gi": asked for, and the bound at which the
            pod is killed.
        gpu: how many GPUs; 0: none.
        gpu_resource: what the cluster calls a GPU, such as "amd.com/gpu". A taint of that name is tolerated.
        spot: the label of the cluster's spot nodes, such as {"cloud.google.com/gke-spot": "true"}: the pod
            runs on these alone, and tolerates a taint of the same key and value. Empty: it asks for none.
        node_selector: other labels that a node must have.
        tolerations: other taints that the pod tolerates.

    Raises:
        BadInput: naming the attribute.
    """

    cpu: str | float | None = None
    memory: str | None = None
    gpu: int = 0
    gpu_resource: str = "nvidia.com/gpu"
    spot: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()

    def __post_init__(self) -> None:
        _check_cpu(self.cpu)
        _check_memory(self.memory)
        checks.whole("gpu", self.gpu, at_least=0, allowed="how many GPUs: a whole number, 0 for none")
        _label("gpu_resource", self.gpu_resource, _RESOURCE, "what the cluster calls a GPU: 'nvidia.com/gpu'")
        labels = "labels of nodes, such as {'cloud.google.com/gke-accelerator': 'nvidia-l4'}"
        for name, allowed in (("spot", _SPOT_ALLOWED), ("node_selector", labels)):
            object.__setattr__(self, name, _labels(name, getattr(self, name), allowed))
        for key in self.spot.keys() & self.node_selector.keys():
            if self.spot[key] != self.node_selector[key]:
                raise BadInput(
                    "node_selector", {key: self.node_selector[key]}, f"{key!r} as spot has it, or not at all"
                )
        if not isinstance(self.tolerations, tuple) or not all(
            isinstance(one, Toleration) for one in self.tolerations
        ):
            raise BadInput("tolerations", self.tolerations, "a tuple of Toleration(key=..., value=...)")


def _check_cpu(cpu: object) -> None:
    if cpu is None:
        return
    found = None if isinstance(cpu, bool) or not isinstance(cpu, str | int | float) else str(cpu)
    match = _CPU.fullmatch(found) if found is not None else None
    if match is None:
        raise BadInput("cpu", cpu, _CPU_ALLOWED)
    thousandths = Decimal(match[1]) * (1 if match[2] else 1000)
    if thousandths <= 0 or thousandths != int(thousandths):
        raise BadInput("cpu", cpu, _CPU_ALLOWED)


def _check_memory(memory: object) -> None:
    if memory is None:
        return
    match = _MEMORY.fullmatch(memory) if isinstance(memory, str) else None
    if match is None or not Decimal(match[1]):
        raise BadInput("memory", memory, _MEMORY_ALLOWED)


def _labels(field: str, given: object, allowed: str) -> Mapping[str, str]:
    """A copy that nobody changes."""
    if not isinstance(given, Mapping):
        raise BadInput(field, given, allowed)
    for key, value in given.items():
        _label(field, key, _KEY, allowed, of=dict(given))
        _label(field, value, _VALUE, allowed, of=dict(given))
    return MappingProxyType(dict(given))


def _label(field: str, given: object, pattern: re.Pattern[str], allowed: str, *, of: object = None) -> None:
    if not isinstance(given, str) or not pattern.fullmatch(given):
        raise BadInput(field, given if of is None else of, allowed)
