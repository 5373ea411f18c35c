"""`ostiary conformance`: does a gateway charge what was used?"""

import asyncio
import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import aiohttp
import click
import msgspec

from ostiary_gateway.conformance import caller, meters, report
from ostiary_gateway.conformance.case import Case
from ostiary_gateway.conformance.configuration import GATEWAYS, configuration
from ostiary_gateway.conformance.edge import Edge, edge
from ostiary_gateway.conformance.judge import Judge, Row
from ostiary_gateway.conformance.meters import MeterError
from ostiary_gateway.conformance.provider import Provider
from ostiary_gateway.conformance.run import Bench, connect, run
from ostiary_gateway.conformance.table import table

_KEY, _BUDGET_KEY = "sk-ostiary-conformance", "sk-ostiary-conformance-budget"


class _Amount(click.ParamType[Decimal]):
    name = "usd"

    def convert(self, value: str | Decimal, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value} is no amount", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value} is no amount", param, ctx)
        return amount


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the command line says."""

    urls: Sequence[str]
    key: str
    meter: str
    meter_token: str
    host: str
    port: int
    cases: Sequence[Case]
    costs: bool
    patience: float
    budget: Decimal
    budget_key: str
    bound: Decimal


@click.command("conformance")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option("--meter", help=f"Where the gateway keeps what it charged: {', '.join(meters.KINDS)}.")
@click.option("--meter-token", default="", envvar="METER_TOKEN", show_envvar=True, help="What a meter shows as Bearer.")
@click.option("--key", default=_KEY, show_default=True, help="What the client shows the gateway.")
@click.option("--provider-host", default="127.0.0.1", show_default=True, help="Address of the scripted provider.")
@click.option("--provider-port", default=9400, show_default=True, help="And its port: there the gateway has to send.")
@click.option("--only", default="", metavar="REGEX", help="Cases whose name or group has this.")
@click.option("--tokens-only", is_flag=True, help="Do not judge costs.")
@click.option("--budget", type=_Amount(), default="0", help="Play the edge of this budget (USD), with --budget-key.")
@click.option("--budget-key", default=_BUDGET_KEY, show_default=True, help="A key that has this budget, all of it unspent.")
@click.option("--bound", type=_Amount(), default="0", help="By so much (USD) several replicas may exceed it.")
@click.option("--patience", default=20.0, show_default=True, help="Seconds to wait until what was charged can be read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--list", "only_list", is_flag=True, help="Name the cases, and do nothing.")
@click.option(
    "--configuration", "gateway", type=click.Choice(GATEWAYS), help="Print what a gateway must be told, and do nothing."
)
def conformance(
    *,
    urls: tuple[str, ...],
    meter: str | None,
    meter_token: str,
    key: str,
    provider_host: str,
    provider_port: int,
    only: str,
    tokens_only: bool,
    budget: Decimal,
    budget_key: str,
    bound: Decimal,
    patience: float,
    as_json: bool,
    only_list: bool,
    gateway: str | None,
) -> None:
    """Play a table of cases against a gateway, and compare what it charged with what was used.

    Each URL is an OpenAI or Anthropic base URL; several are replicas of one gateway. The gateway has to send the models
    conformance-openai and conformance-anthropic to the scripted provider: see --configuration. Ends with 1 if anything
    was charged wrongly.
    """
    cases = [case for case in table() if re.search(only, case.name) or re.search(only, case.group)]
    if only_list:
        click.echo("\n".join(f"{case.group:15} {case.name}" for case in cases))
        return
    if gateway:
        hashes = {"sha256": _sha256(key), "budget_sha256": _sha256(budget_key)}
        click.echo(
            configuration(gateway, provider_host, provider_port, **hashes, budget=str(budget or Decimal("0.05"))), nl=False
        )
        return
    if not urls or not meter:
        raise click.UsageError("needs a URL and --meter")
    wanted = _Wanted(
        urls=urls, key=key, meter=meter, meter_token=meter_token, host=provider_host, port=provider_port, cases=cases,
        costs=not tokens_only, patience=patience, budget=budget, budget_key=budget_key, bound=bound,
    )  # fmt: skip
    try:
        rows, at_edge = asyncio.run(_play(wanted))
    except (MeterError, OSError) as error:
        raise click.ClickException(str(error)) from error
    _print(rows, at_edge, as_json=as_json)
    sys.exit(0 if all(row.right for row in rows) and (at_edge is None or at_edge.right) else 1)


async def _play(wanted: _Wanted) -> tuple[list[Row], Edge | None]:
    async with Provider(wanted.host, wanted.port) as provider, caller.session() as session:
        meter = meters.build(wanted.meter, session, wanted.meter_token)
        callers = connect(session, wanted.urls, wanted.key)
        await _reachable(session, wanted.urls)
        bench = Bench(provider=provider, callers=callers, meter=meter, patience=wanted.patience)
        with _progress(len(wanted.cases)) as bar:
            rows = await run(bench, wanted.cases, Judge(costs=wanted.costs), bar)
        if not wanted.budget:
            return rows, None
        spenders = connect(session, wanted.urls, wanted.budget_key)
        return rows, await edge(provider, spenders, meter, budget=wanted.budget, bound=wanted.bound, patience=wanted.patience)


async def _reachable(session: aiohttp.ClientSession, urls: Sequence[str]) -> None:
    """Something answers at each of them; what, does not matter."""
    for url in urls:
        try:
            async with session.get(url):
                pass
        except aiohttp.ClientError as error:
            raise MeterError(f"{url}: {error}") from error


@contextmanager
def _progress(length: int) -> Iterator[Callable[[int], object]]:
    with click.progressbar(length=length, label="cases", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar.update


def _print(rows: Sequence[Row], at_edge: Edge | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"cases": rows, "edge": at_edge}), indent=2).decode())
        return
    for line in report.lines(rows):
        click.secho(line, fg="red" if line.startswith("WRONG") else None)
    if at_edge is not None:
        click.secho(report.sentence(at_edge), fg=None if at_edge.right else "red")


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
