"""What our expectations share: one metric that measures, a verdict on it, one line in Data Docs."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.expectation import render_suite_parameter_string
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.renderer_configuration import RendererValueType

from ckpt_ops.validation.custom.findings import Finding, NotEvaluated, Size, not_evaluated


class Evaluating:
    """A mixin, named before Great Expectations' own base class.

    Attributes:
        sentence: what is expected, with `$name` for each keyword that it mentions.
        metric_dependencies: the one metric whose value is a `Finding`. A `Size` is compared with the field
            `max_value`, `Misfits` with `mostly`.
    """

    sentence: ClassVar[str]
    metric_dependencies: ClassVar[tuple[str, ...]]

    def _validate(
        self: Any,
        metrics: dict[str, Finding],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        found = metrics[self.metric_dependencies[0]]
        if isinstance(found, NotEvaluated):
            return not_evaluated(found)
        if isinstance(found, Size):
            return found.result(at_most=self.max_value)
        return found.result(mostly=self.mostly, result_format=self._get_result_format(runtime_configuration))

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    @render_suite_parameter_string
    def _prescriptive_renderer(
        cls,
        configuration: Any = None,
        result: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> list[Any]:
        configuration = configuration or getattr(result, "expectation_config", None)
        template = {
            "template": cls.sentence,
            "params": cls._texts(configuration.kwargs if configuration else {}),
            "styling": (runtime_configuration or {}).get("styling"),
        }
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=template)]

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: Any) -> Any:
        for name, value in cls._texts(renderer_configuration.kwargs).items():
            renderer_configuration.add_param(name=name, param_type=RendererValueType.STRING, value=value)
        renderer_configuration.template_str = cls.sentence
        return renderer_configuration

    @classmethod
    def _get_observed_value_from_evr(cls, result: Any) -> str:
        """The cell "Observed Value" of Data Docs."""
        details = (result.result if result else {}).get("details") or {}
        if "not_judged" in details:
            return f"not evaluated: {details['not_judged']}"
        return str(details.get("words", "--"))

    @classmethod
    def _texts(cls: Any, kwargs: dict[str, Any]) -> dict[str, str]:
        """Each keyword as text, the defaults too: a configuration leaves them out."""
        found = {name: kwargs.get(name, field.default) for name, field in cls.__fields__.items()}
        return {name: _text(value) for name, value in found.items() if f"${name}" in cls.sentence}


def _text(value: Any) -> str:
    if value is None:
        return "all"
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
