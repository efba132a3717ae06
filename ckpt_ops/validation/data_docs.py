"""Great Expectations' own page on a slice, without scripts and styles from afar: it opens anywhere."""

from __future__ import annotations

import copy
import json
import re
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_ops.validation.run import Judged

_FROM_AFAR = re.compile(
    r'<script[^>]*>.*?</script>|<link[^>]*href="http[^>]*>|<img[^>]*src="http[^>]*>', re.DOTALL
)
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A page is made of data: it brings its style, and loads, runs and sends nothing."""
_STYLE = (
    f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
    """<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { max-width: 75rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { border: 1px solid #ccc; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { background: #f2f2f2; } h4, h5 { margin: 1rem 0 .25rem; } .badge { background: #eee; padding: 0 .3rem; }
.alert { border-left: .3rem solid #999; padding: .3rem .8rem; background: #f7f7f7; }
.navbar, .breadcrumb, .col-2, .col-lg-2, .modal, .cooltip, footer, button { display: none; }
.fa-check-circle::before { content: "\\2713"; color: #161; font-weight: bold; }
.fa-times::before { content: "\\2717"; color: #a11; font-weight: bold; }
.fa-exclamation-triangle::before { content: "!"; color: #a60; font-weight: bold; }
</style>"""
)


def data_docs_html(judged: Judged, *, source: str, key: str) -> str:
    """The page. Great Expectations must have judged something (`judged.results`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
        from great_expectations.core import ExpectationSuiteValidationResult
        from great_expectations.render.renderer import ValidationResultsPageRenderer
        from great_expectations.render.view import DefaultJinjaPageView

        held = sum(bool(result.success) for result in judged.results)
        count = len(judged.results)
        results = ExpectationSuiteValidationResult(
            success=held == count,
            results=[_renderable(result) for result in judged.results],
            suite_name=f"{judged.validation.suite} on {source} {key}",
            statistics={
                "evaluated_expectations": count,
                "successful_expectations": held,
                "unsuccessful_expectations": count - held,
                "success_percent": 100 * held / count,
            },
            meta={
                "active_batch_definition": {"datasource_name": source, "data_asset_name": key},
                "great_expectations_version": great_expectations.__version__,
            },
        )
        page: str = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(results))
    return _FROM_AFAR.sub("", page).replace("</head>", f"{_STYLE}</head>", 1)


def _renderable(result: Any) -> Any:
    """A copy that the renderers take: plain numbers, and every count that they look for or none."""
    copied = copy.copy(result)
    found = json.loads(json.dumps(result.to_json_dict()["result"]))
    if "element_count" in found:
        found.setdefault("unexpected_percent", 0.0)  # of a column without any value there is none
    else:
        found = {name: value for name, value in found.items() if name == "observed_value"}
    copied.result = found
    return copied
