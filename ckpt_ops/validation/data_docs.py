"""Great Expectations' own page on a slice, as one file that loads nothing: it opens anywhere.

Its template takes scripts, styles and a picture from content networks and links to pages of a site that is
not there. Those are left out, and its head is replaced by that of all our pages (`html`). It also puts
values of the data into the page as they are, so that data could inject markup. They are escaped here,
and a content security policy forbids the page to run or load anything.
"""

from __future__ import annotations

import copy
import json
import re
import warnings
from datetime import UTC, datetime
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from ckpt_ops.html import head
from ckpt_ops.validation.messages import value_text

if TYPE_CHECKING:
    from great_expectations.render.view import DefaultJinjaPageView

    from ckpt_ops.validation.run import ValidationResult

_EXAMPLES = 20
_EXTERNAL = re.compile(r"<script[^>]*>.*?</script>|<(link|img)\b[^>]*>|</?a\b[^>]*>", re.DOTALL)
_MORE = "Show more info..."  # the text of a link that unfolds what is always shown here
_PLAIN = str.maketrans("<>", "()")
_STYLE = """
body { max-width: 75rem; margin: 1rem auto; }
table { margin: .5rem 0; } .ge-section { margin-bottom: 2rem; }
h4, h5, h6 { font-size: 1.05rem; margin: 1rem 0 .25rem; }
.badge { background: var(--box); padding: 0 .3rem; }
.alert { border-left: .3rem solid var(--soft); padding: .3rem .8rem; background: var(--box); }
.navbar, .breadcrumb, .col-2, .col-lg-2, .modal, .cooltip, footer, button { display: none; }
.fa-check-circle::before { content: "\\2713"; color: var(--green); font-weight: bold; }
.fa-times::before { content: "\\2717"; color: var(--red); font-weight: bold; }
.fa-exclamation-triangle::before { content: "!"; color: var(--amber); font-weight: bold; }
"""


def data_docs_html(evaluated: ValidationResult, *, source: str, key: str, revision: str) -> str:
    """The page. Great Expectations must have evaluated something (`evaluated.results`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
        from great_expectations.core import ExpectationSuiteValidationResult
        from great_expectations.render.renderer import ValidationResultsPageRenderer

        passed = sum(bool(result.success) for result in evaluated.results)
        count = len(evaluated.results)
        results = ExpectationSuiteValidationResult(
            success=passed == count,
            results=[_renderable(result) for result in evaluated.results],
            suite_name=evaluated.validation.suite.translate(_PLAIN),
            statistics={
                "evaluated_expectations": count,
                "successful_expectations": passed,
                "unsuccessful_expectations": count - passed,
                "success_percent": 100 * passed / count,
            },
            meta={
                "batch_kwargs": {"data_asset_name": f"{source} {key}"},
                "run_id": {"run_name": f"revision {revision}", "run_time": datetime.now(UTC).isoformat()},
                "great_expectations_version": great_expectations.__version__,
            },
        )
        page: str = _view().render(ValidationResultsPageRenderer().render(results))
    begin, body = page[: page.index("<head>")], page[page.index("</head>") :]
    ours = head(f"{source} {key}: Great Expectations", style=_STYLE)
    return f"{begin}<head>\n{ours}{_EXTERNAL.sub('', body).replace(_MORE, '')}"


@cache
def _view() -> DefaultJinjaPageView:
    """It compiles its templates once; a process that reads several slices asks the same one."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _renderable(result: Any) -> Any:
    """A copy that the renderers accept: plain values, and every count that they look for or none.

    They escape an expectation's arguments but not its result, nor a column's name in its heading.
    """
    copied = copy.copy(result)
    found = json.loads(json.dumps(result.to_json_dict()["result"]))
    if "element_count" in found:
        found.setdefault("unexpected_percent", 0.0)  # a column without any value has none
        shown = found.get("partial_unexpected_list", ())[:_EXAMPLES]
        found["partial_unexpected_list"] = [value_text(each) for each in shown]
    else:
        found = {name: value for name, value in found.items() if name in ("observed_value", "details")}
    copied.result = _escaped(found)
    copied.exception_info = _escaped(result.exception_info)
    copied.expectation_config = copy.deepcopy(result.expectation_config)
    kwargs = copied.expectation_config.kwargs
    kwargs |= {"column": kwargs["column"].translate(_PLAIN)} if "column" in kwargs else {}
    return copied


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {name: _escaped(each) for name, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
