"""The HTTP interface in a browser, from its OpenAPI description. Own HTML: the usual viewers load from a CDN."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from dashboard.plain_page import plain_page

BODY = """<main class="page">
<h1>HTTP interface</h1>
<p class="lead">The same answers as <code>allocast forecast --json</code>. The description for programs is
<a href="/api/openapi.json">openapi.json</a>. Where the page asks for a log-in, use basic authorisation with its
password.</p>
<section class="panel"><h2>Try it</h2>
<pre tabindex="0">curl -s {base}/api/forecast -H 'content-type: application/json' \\
  -d '{{"amount": 10000, "weights": {{"gold": 40, "cash": 60}}, "horizon": "6m"}}'</pre></section>
{operations}
<section class="panel"><h2>Types</h2>
{schemas}
</section>
</main>"""


def page(openapi: dict[str, Any], base: str = "http://127.0.0.1:8050") -> str:
    """The whole document."""
    operations = "\n".join(
        _operation(path, method, one)
        for path, methods in openapi["paths"].items()
        for method, one in methods.items()
    )
    schemas = "\n".join(_schema(name, one) for name, one in openapi["components"]["schemas"].items())
    return plain_page(
        "HTTP interface", BODY.format(base=escape(base), operations=operations, schemas=schemas)
    )


def _operation(path: str, method: str, one: dict[str, Any]) -> str:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = "".join(
        f"<li><code>{escape(str(status))}</code> {escape(answer.get('description', ''))}"
        f"{_type(answer.get('content', {}).get('application/json', {}).get('schema'))}</li>"
        for status, answer in one["responses"].items()
    )
    return (
        f'<section class="panel"><h2><code>{escape(method.upper())} /api{escape(path)}</code></h2>'
        f"<p>{escape(one.get('summary', ''))}{_type(body, ', takes ')}</p><ul>{answers}</ul></section>"
    )


def _type(schema: dict[str, Any] | None, before: str = ": ") -> str:
    """A link to a named type."""
    name = (schema or {}).get("$ref", "").rpartition("/")[2]
    return f'{before}<a href="#{escape(name)}">{escape(name)}</a>' if name else ""


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = escape(json.dumps(schema, indent=2))
    return (
        f'<details class="more" id="{escape(name)}"><summary>{escape(name)}</summary>'
        f'<pre tabindex="0" aria-label="JSON schema of {escape(name)}">{text}</pre></details>'
    )
