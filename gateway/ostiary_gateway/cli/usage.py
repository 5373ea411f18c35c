"""`ostiary usage`: who used what, from the ledger and its summary."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast, get_args

import click
import msgspec

from ostiary_gateway.cli import configured
from ostiary_gateway.cli.usage_table import BARS, encoded, table, text
from ostiary_gateway.ledger import lmgate
from ostiary_gateway.ledger.reader import Row, read
from ostiary_gateway.summaries import Page, Query, QueryError, Summaries, SummaryError, moment
from ostiary_gateway.summaries.query import Order

_FORMATS = {"lmgate": lmgate.translate}


def _moment(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """A time in UTC, or how long ago, as RFC 3339 in UTC with milliseconds, as records have it."""
    try:
        return moment(value) if value else ""
    except QueryError as error:
        raise click.BadParameter(str(error)) from error


def _conditions(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    if wrong := [value for value in values if "=" not in value]:
        raise click.BadParameter(f"{wrong[0]}: not name=value")
    return dict((name, value) for name, _, value in (each.partition("=") for each in values))  # noqa: C402 (of triples)


_ledger = click.option(
    "--ledger", type=click.Path(path_type=Path), help="Folder of the ledger  [default: ledger in OSTIARY_DATA]"
)
_since = click.option("--since", callback=_moment, default="", help="Only what ended since then: 2026-11-21, or 24h, 7d.")
_until = click.option("--until", callback=_moment, default="", help="Only what ended before then.")


@click.group("usage", invoke_without_command=True)
@_ledger
@_since
@_until
@click.option(
    "--by",
    multiple=True,
    default=("key",),
    show_default=True,
    metavar="WHAT",
    help="Add up by key, model, provider, owner, namespace, surface, label:NAME, hour, day or month (UTC); may be repeated.",
)
@click.option("--where", multiple=True, callback=_conditions, metavar="WHAT=VALUE", help="Only what has this value.")
@click.option("--order", type=click.Choice(get_args(Order)), help="What comes first  [default: most tokens, or time]")
@click.option("--top", type=click.IntRange(0, 1000), default=0, help="So many rows at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.pass_context
def usage(
    ctx: click.Context,
    *,
    ledger: Path | None,
    since: str,
    until: str,
    by: tuple[str, ...],
    where: dict[str, str],
    order: str | None,
    top: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Who used what, from the ledger. A plus behind a cost: some of these requests have no known price."""
    if ctx.invoked_subcommand:
        return
    asked = Query(since=since, until=until, by=by, where=where, order=cast("Order | None", order), page_size=top)
    items = _answer(_summaries(ledger), asked).items
    if as_json:
        click.echo(encoded(items))
    elif as_csv:
        click.echo(text(items, by), nl=False)
    elif items:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        click.echo("\n".join(table(items, by, width=width, measure=BARS[order or "tokens"])))
    else:
        click.echo("No requests yet.", err=True)


@usage.command("rebuild")
@_ledger
def rebuild(ledger: Path | None) -> None:
    """Forget the summary and add the ledger up again. The sidecar must not run."""
    try:
        _summaries(ledger).rebuild()
    except SummaryError as error:
        raise click.ClickException(str(error)) from error


@usage.command("export")
@_ledger
@_since
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), required=True, help="Whose lines to print.")
def export(ledger: Path | None, since: str, form: str) -> None:
    """Every record as a line of another system's format."""
    translate = _FORMATS[form]
    encode = msgspec.json.Encoder().encode
    out = sys.stdout.buffer
    try:
        for record in _rows(ledger, lmgate.Row, since):
            out.write(encode(translate(record)) + b"\n")
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to tell at exit


def _answer(summaries: Summaries, asked: Query) -> Page:
    """With sums that are up to date where nobody else keeps them so; a summary that cannot be written is read all the same."""
    try:
        with suppress(SummaryError):
            summaries.catch_up()
        return summaries.query(asked)
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    except SummaryError as error:
        raise click.ClickException(str(error)) from error


def _summaries(ledger: Path | None) -> Summaries:
    settings = configured.settings()
    folder = configured.ledger_folder(ledger) if ledger else configured.ledger_of(settings)
    return Summaries(folder, settings.summary_url)


def _rows(ledger: Path | None, row: type[Row], since: str) -> Iterator[Row]:
    folder = configured.ledger_folder(ledger) if ledger else configured.ledger_of(configured.settings())
    try:
        yield from read(folder, row, since)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{folder}: a line is no record: {error}") from error
