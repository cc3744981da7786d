"""`wharf docs`: the reference pages that are generated from the code."""

from __future__ import annotations

from pathlib import Path

import click

from wharf.cli.main import COMMANDS, wharf


@click.command(hidden=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/commands.md"))
def docs(out: Path) -> None:
    """Write the page of all commands, from their own help."""
    pages = ["# Commands", "", "Made by `make docs` from the commands' own help.", ""]
    context = click.Context(
        wharf, info_name="wharf", help_option_names=["-h", "--help"], terminal_width=90
    )
    for name in sorted(COMMANDS):
        command = wharf.get_command(context, name)
        if command is None or command.hidden:
            continue
        pages += _page(command, context, f"wharf {name}")
    out.write_text("\n".join(pages).rstrip() + "\n", encoding="utf-8")
    click.echo(f"wrote {out}")


def _page(command: click.Command, parent: click.Context, name: str) -> list[str]:
    context = click.Context(command, info_name=name.rsplit(" ", 1)[-1], parent=parent)
    pages = [f"## {name}", "", "```", command.get_help(context), "```", ""]
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            inner = command.get_command(context, sub)
            if inner is not None:
                pages += _page(inner, context, f"{name} {sub}")
    return pages
