"""The shipped rules and the document that explains them are of one list."""

from __future__ import annotations

import re

from tests.compose import ROOT
from tests.security.servers import ACLS, USERS, rules


def test_every_user_of_the_rules_is_made_as_the_document_says() -> None:
    """The loop of docs/security.md, the rules and the users that the tests log in as are of one list."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (named,) = re.findall(r"for user in ([a-z ]+); do", text)
    ruled = {
        rule["principal"].removeprefix("User:allocast-") for rule in rules(ACLS.read_text(encoding="utf-8"))
    }
    assert set(named.split()) == ruled == set(USERS)
