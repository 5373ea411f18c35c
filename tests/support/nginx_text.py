"""nginx's configuration as nginx and as crossplane read it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import crossplane

_TOOLS = Path(__file__).parents[2] / ".tools/nginx/usr/sbin/nginx"


def program() -> str:
    """The nginx to test with, looked for where `ostiary run` looks."""
    found = os.environ.get("OSTIARY_NGINX") or (str(_TOOLS) if _TOOLS.exists() else shutil.which("nginx"))
    assert found, "nginx is missing: run hack/dev/get-nginx .tools/nginx"
    return found


def refusal(upstreams: str, folder: Path) -> str:
    """What `nginx -t` says against a text in the http block; empty if it takes it."""
    temps = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "upstreams.conf").write_text(upstreams)
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; resolver 127.0.0.1; {temps}"
        f"include {folder}/upstreams.conf; }}"
    )
    command = [program(), "-t", "-q", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.stderr if done.returncode else ""


def parsed(text: str, folder: Path) -> list[dict[str, Any]]:
    """The directives of a text, as crossplane sees them."""
    path = folder / "parsed.conf"
    path.write_text(text)
    payload = crossplane.parse(str(path), single=True, catch_errors=False, check_ctx=False, check_args=False)
    blocks: list[dict[str, Any]] = payload["config"][0]["parsed"]
    return blocks
