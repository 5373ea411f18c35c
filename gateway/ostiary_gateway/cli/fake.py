"""`ostiary fake-provider`: a provider to talk to, without an account anywhere."""

import click

from ostiary_gateway.fake.server import main


@click.command("fake-provider", help=(main.__doc__ or "").partition("\n")[0])
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=8090, show_default=True, help="Port to serve on; 0 takes a free one and prints it.")
@click.option("--certificate", default="", help="PEM file: serve TLS.")
@click.option("--private-key", default="", help="PEM file, if the key is not in the certificate's.")
def fake_provider(host: str, port: int, certificate: str, private_key: str) -> None:
    try:
        main(host, port, certificate, private_key)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror or error}") from error
