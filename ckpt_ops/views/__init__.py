"""What pages and commands show of models: plain values, computed from their logs, one class a page.

`--json` of the command line prints them as they are, and the pages of the Airflow UI are drawn from them.
The names of their fields are a promise to scripts: they may be added to, not renamed. `python -m
ckpt_ops.views` prints the schema of all of them.
"""

from ckpt_ops.views.plain import plain
from ckpt_ops.views.store_views import StoreViews

__all__ = ["StoreViews", "plain"]
