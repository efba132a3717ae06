"""`python -m ckpt_ops.views`: the schema of all views, as TypeScript, as JSON Schema or as Markdown."""

from __future__ import annotations

import argparse
import json

from ckpt_ops.views.schema import json_schema, markdown, typescript


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ckpt_ops.views", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--typescript", action="store_true", help="what pages/src/schema.ts holds")
    form.add_argument("--markdown", action="store_true", help="what docs/reference/views.md shows")
    form.add_argument("--schema", action="store_true", help="JSON Schema; the default")
    arguments = parser.parse_args()
    if arguments.typescript:
        print(typescript(), end="")
    elif arguments.markdown:
        print(markdown(), end="")
    else:
        print(json.dumps(json_schema(), indent=2))


if __name__ == "__main__":
    main()
