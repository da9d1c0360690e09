"""A document without Dash: the head that the log-in and the description of the HTTP interface share."""

from __future__ import annotations

from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Allocast: {title}</title>
<link rel="stylesheet" href="/assets/allocast.css">
<script src="/assets/theme.js"></script>
</head>
<body class="plain">
{body}
</body>
</html>
"""


def plain_page(title: str, body: str) -> str:
    """body : HTML, already escaped."""
    return PAGE.format(title=escape(title), body=body)
