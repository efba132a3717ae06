"""What stands of a model, read from the store."""

from __future__ import annotations

from ckpt_ops.alerts.alert import Alert
from ckpt_ops.alerts.standing import standing
from ckpt_ops.errors import BadInput, CkptOpsError, TransientError
from ckpt_ops.views import StoreViews


def look_at(views: StoreViews, model: str, *, link: str = "") -> tuple[Alert, ...]:
    """As `standing`; nothing of a model that has no log yet.

    Raises:
        TransientError: the store did not answer. That is no log which cannot be read.
    """
    try:
        summary = views.summary(model)
        if summary.problem:
            views.state(model)
            summary = views.summary(model)  # it can be read after all
    except BadInput:
        return ()
    except TransientError:
        raise
    except CkptOpsError:
        pass
    return standing(summary, link=link)
