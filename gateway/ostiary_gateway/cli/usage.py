"""`ostiary usage`: who used what, from the ledger."""

import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import click
import msgspec

from ostiary_gateway.contract.settings import SettingsError, load
from ostiary_gateway.ledger import lmgate
from ostiary_gateway.ledger.reader import Row, read
from ostiary_gateway.ledger.summary import By, Total, summarise
from ostiary_gateway.ledger.summary import Row as Used

_FORMATS = {"lmgate": lmgate.translate}
_SPAN = re.compile(r"([1-9]\d*)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]
_COLUMNS = ("requests", "errors", "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "uncounted")


def _moment(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A time in UTC, or how long ago, as RFC 3339 in UTC with milliseconds, as records have it."""
    if not value:
        return ""
    if span := _SPAN.fullmatch(value):
        moment = datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
    else:
        moment = click.DateTime(_TIMES).convert(value, param, ctx)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_ledger = click.option(
    "--ledger", type=click.Path(path_type=Path), help="Folder of the ledger  [default: ledger in OSTIARY_DATA]"
)
_since = click.option("--since", callback=_moment, default="", help="Only what ended since then: 2026-11-21, or 24h, 7d.")


@click.group("usage", invoke_without_command=True)
@_ledger
@_since
@click.option("--by", type=click.Choice(get_args(By)), default="key", show_default=True, help="What to add up by.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def usage(ctx: click.Context, ledger: Path | None, since: str, by: By, *, as_json: bool) -> None:
    """Who used what, from the ledger."""
    if ctx.invoked_subcommand:
        return
    totals = summarise(_rows(ledger, Used, since), by)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(totals), indent=2).decode())
    elif totals:
        click.echo("\n".join(_table(totals, by)))
    else:
        click.echo("No requests yet.", err=True)


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


def _rows(ledger: Path | None, row: type[Row], since: str) -> Iterator[Row]:
    folder = ledger or _configured()
    if not folder.is_dir():
        raise click.ClickException(f"{folder}: no ledger there")
    try:
        yield from read(folder, row, since)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{folder}: a line is no record: {error}") from error


def _configured() -> Path:
    try:
        settings = load(os.environ)
        if settings.config:
            settings = load(os.environ, Path(settings.config).read_text(encoding="utf-8"))
    except (SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from error
    return Path(settings.data) / "ledger"


def _table(totals: list[Total], by: By) -> Iterator[str]:
    heads = (by, *(column.removesuffix("_tokens").replace("_", " ") for column in _COLUMNS), "last")
    rows = [(t.name, *(f"{getattr(t, column):,}" for column in _COLUMNS), t.last[:19] + "Z") for t in totals]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (tuple(head.upper() for head in heads), *rows):
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((row[0].ljust(widths[0]), *numbers))
