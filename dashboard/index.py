"""The HTML around the app. The colour scheme is set before the first paint, so that dark does not flash white."""

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="What may this split of your savings gain or lose, live and after inflation?">
<title>{%title%}</title>
<script src="/assets/theme.js"></script>
{%favicon%}
{%css%}
</head>
<body>
{%app_entry%}
<noscript>This page counts in your browser: please allow scripts.</noscript>
{%config%}
{%scripts%}
{%renderer%}
</body>
</html>
"""
