"""An evaluation for people: values that are kept as JSON, and a page with pictures made from them."""

from ckpt_ops.evaluation.report.page import report_html
from ckpt_ops.evaluation.report.values import REPORT, Lineup, report_values

__all__ = ["REPORT", "Lineup", "report_html", "report_values"]
