"""Great Expectations' own page on a slice, without scripts and styles from afar: it opens anywhere."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ckpt_ops.validation.run import Judged

_FROM_AFAR = re.compile(
    r'<script[^>]*>.*?</script>|<link[^>]*href="http[^>]*>|<img[^>]*src="http[^>]*>', re.DOTALL
)
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { max-width: 75rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { border: 1px solid #ccc; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { background: #f2f2f2; } h4, h5 { margin: 1rem 0 .25rem; } .badge { background: #eee; padding: 0 .3rem; }
.alert { border-left: .3rem solid #999; padding: .3rem .8rem; background: #f7f7f7; }
.navbar, .breadcrumb, .navigation, #ge-navigation, .modal, .cooltip, footer, button { display: none; }
.fa-check-circle::before { content: "\\2713"; color: #161; font-weight: bold; }
.fa-times::before { content: "\\2717"; color: #a11; font-weight: bold; }
.fa-exclamation-triangle::before { content: "!"; color: #a60; font-weight: bold; }
</style>"""


def data_docs_html(judged: Judged, *, source: str, key: str) -> str:
    """The page. Great Expectations must have judged something (`judged.results`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.core import ExpectationSuiteValidationResult
        from great_expectations.render.renderer import ValidationResultsPageRenderer
        from great_expectations.render.view import DefaultJinjaPageView

        held = sum(bool(result.success) for result in judged.results)
        count = len(judged.results)
        results = ExpectationSuiteValidationResult(
            success=held == count,
            results=list(judged.results),
            suite_name=f"{judged.validation.suite} on {source} {key}",
            statistics={
                "evaluated_expectations": count,
                "successful_expectations": held,
                "unsuccessful_expectations": count - held,
                "success_percent": 100 * held / count,
            },
            meta={"active_batch_definition": {"datasource_name": source, "data_asset_name": key}},
        )
        page: str = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(results))
    return _FROM_AFAR.sub("", page).replace("</head>", f"{_STYLE}</head>", 1)
