"""What the real APIs refuse: one module for each dialect, each with `check(body) -> Problem | None`.

`body` is the decoded JSON of a request. Fields and their values are those of the vendors' API references and of the SDKs
that are pinned in hack/requirements (tests/unit/fake/test_strict_fields.py compares them); each module names the pages
whose rules it holds a request to. Where a vendor depends on its model (which of them thinks, how long an answer may be),
nothing is refused.
"""
