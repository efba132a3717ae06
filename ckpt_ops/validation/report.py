"""One verdict as one HTML page: no script, no outside file, readable in any browser and in print."""

from __future__ import annotations

from html import escape

from ckpt_ops.validation.verdict import Kind, Outcome, Reason, Validation

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } .quarantined { color: #a11; } .accepted { color: #161; } .aside { color: #a60; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .5rem 0; }
th, td { border: 1px solid #bbb; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { background: #f2f2f2; white-space: nowrap; } td.words { overflow-wrap: anywhere; min-width: 22rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
"""
_CSP = "default-src 'none'; style-src 'unsafe-inline'"
_SAFE = {
    Outcome.QUARANTINED: "Nothing trains on this slice. The champion serves on, untouched.",
    Outcome.ACCEPTED: "The slice may be trained on.",
    Outcome.SET_ASIDE: "Rows that meet everything may be trained on; the others are kept in rows.parquet.",
}


def report_html(validation: Validation, *, source: str, key: str, revision: str) -> str:
    """The page. All text from the data is escaped."""
    outcome = validation.outcome.value
    colour = "aside" if validation.outcome is Outcome.SET_ASIDE else outcome
    title = f"{source} {key}: {outcome}"
    aside = f", {validation.set_aside:,} of them set aside" if validation.set_aside else ""
    aside += f" ({validation.unread:,} more do not parse)" if validation.unread else ""
    facts = (
        f"Revision {revision}. {validation.rows:,} rows{aside}; {validation.expectations} expectations run "
        f"of suite {validation.suite} ({validation.suite_digest}) in {validation.seconds:.2f} s."
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(source)} {escape(key)}: <span class="{colour}">{outcome}</span></h1>\n'
        f"<p>{escape(facts)}</p>\n<p>{_SAFE[validation.outcome]}</p>\n{_table(validation)}</body>\n</html>\n"
    )


def _table(validation: Validation) -> str:
    if not validation.reasons:
        return "<p>Every expectation holds, and the columns are those declared.</p>\n"
    heads = ("severity", "column", "what", "values", "expectation", "why it is asked")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "\n".join(_row(reason) for reason in validation.reasons)
    count = len(validation.reasons)
    caption = f"{count} {'reason' if count == 1 else 'reasons'}"
    return f"<table>\n<caption>{caption}</caption>\n<tr>{head}</tr>\n{rows}\n</table>\n"


def _row(reason: Reason) -> str:
    count = f"{reason.unexpected_count:,}" if reason.unexpected_count else ""
    cells = (
        ("", f"{reason.severity.value} ({reason.kind.value})"),
        ("", reason.column),
        (' class="words"', reason.words if reason.kind is not Kind.UNREAD else _with_examples(reason)),
        (' class="number"', count),
        ("", reason.expectation),
        ("", reason.why),
    )
    return "<tr>" + "".join(f"<td{kind}>{_breakable(text)}</td>" for kind, text in cells) + "</tr>"


def _with_examples(reason: Reason) -> str:
    return f"{reason.words}. {'; '.join(reason.examples)}"


def _breakable(text: str) -> str:
    """Escaped; names such as expect_column_values_to_be_between break after an underscore, not anywhere."""
    return escape(text).replace("_", "_<wbr>")
