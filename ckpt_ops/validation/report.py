"""One verdict as one HTML page: no script, no outside file, readable in any browser and in print."""

from __future__ import annotations

from ckpt_ops.html import Html, element, escaped, page, table
from ckpt_ops.validation.verdict import Kind, Outcome, Reason, Validation

_STYLE = """
.quarantined { color: var(--red); } .accepted { color: var(--green); } .aside { color: var(--amber); }
th { white-space: nowrap; } td.words { overflow-wrap: anywhere; min-width: 22rem; }
"""
_SAFE = {
    Outcome.QUARANTINED: "Nothing trains on this slice. The champion serves on, untouched.",
    Outcome.ACCEPTED: "The slice may be trained on.",
    Outcome.SET_ASIDE: "Rows that meet all expectations may be trained on; the others are in rows.parquet.",
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
    return page(
        title,
        element("h1", f"{source} {key}: ", element("span", outcome, kind=colour)),
        element("p", facts),
        element("p", _SAFE[validation.outcome]),
        *_in_parts(validation),
        _reasons(validation),
        style=_STYLE,
    )


def _in_parts(validation: Validation) -> list[Html]:
    if not validation.parts:
        return []
    whole = "; ".join(validation.over_the_whole) or "nothing"
    text = f"Evaluated in {validation.parts} parts, which add up exactly; over the whole: {whole}."
    return [element("p", _breakable(text))]


def _reasons(validation: Validation) -> Html:
    if not validation.reasons:
        return element("p", "Every expectation holds, and the columns are those declared.")
    count = len(validation.reasons)
    return table(
        ("severity", "column", "what", "values", "expectation", "why it is asked"),
        [[_breakable(cell) for cell in _row(reason)] for reason in validation.reasons],
        kinds=("", "", "words", "number"),
        caption=f"{count} {'reason' if count == 1 else 'reasons'}",
    )


def _row(reason: Reason) -> tuple[str, ...]:
    return (
        f"{reason.severity.value} ({reason.kind.value})",
        reason.column,
        reason.message
        if reason.kind is not Kind.UNREAD
        else f"{reason.message}. {'; '.join(reason.examples)}",
        f"{reason.unexpected_count:,}" if reason.unexpected_count else "",
        reason.expectation,
        reason.why,
    )


def _breakable(text: str) -> Html:
    """Escaped; names such as expect_column_values_to_be_between break after an underscore, not anywhere."""
    return Html(escaped(text).replace("_", "_<wbr>"))
