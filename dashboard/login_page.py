"""The log-in form: plain HTML without a script."""

from __future__ import annotations

from html import escape

from dashboard.plain_page import plain_page

BODY = """<main class="login panel">
<h1>Allocast</h1>
<p class="lead">This page is reachable by others, so it asks who you are.</p>
{wrong}<form method="post" action="/login">
<input type="hidden" name="next" value="{target}">
<label class="label" for="password">Password of the viewer or the operator</label>
<input class="field" id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button class="primary" type="submit">Log in</button>
</form>
</main>"""


def page(target: str, wrong: bool = False) -> str:
    """target : the path to go to afterwards, from an untrusted query."""
    said = (
        '<p class="form-error" role="alert">This is not the password of anybody here.</p>\n' if wrong else ""
    )
    return plain_page("log in", BODY.format(target=escape(safe(target), quote=True), wrong=said))


def safe(target: str) -> str:
    """A path on this server; anything else becomes the front page.

    >>> safe("/?amount=5"), safe("//evil.example"), safe("https://evil.example"), safe("/\\\\evil.example")
    ('/?amount=5', '/', '/', '/')
    """
    usual = target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if usual and target.isprintable() and len(target) < 4_000 else "/"
