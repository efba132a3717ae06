"""Builds the pages of `docs/` into a site, with reference pages made from the code: `python -m docs.site`.

A page may hold one of these lines; the build puts there what the code says at that moment:

    <!-- api: ckpt_ops.store -->       the public names of a package, from its docstrings
    <!-- commands -->                  every command of `ckpt-ops`, from Typer
    <!-- layers -->                   the packages by layer, from pyproject.toml and their docstrings
    <!-- settings: ckpt_ops.pipeline.Pipeline -->    the fields of a class or the parameters of a function

The code is read and not run, except for the command line, so nothing heavy is imported.
"""
