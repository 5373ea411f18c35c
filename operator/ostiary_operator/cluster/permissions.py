"""What the operator may do, exactly: every call of this package and of kopf's watches, nothing else.

The chart's Role and ClusterRole are compared with these tables in tests. Each row is (API group, resource, verbs).
`EVERYWHERE` is needed in each namespace whose resources are compiled, `AT_HOME` in the installation's own.
"""

EVERYWHERE: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("ostiary.dev", "providers", frozenset({"list", "watch"})),
    ("ostiary.dev", "providers/status", frozenset({"patch"})),
    ("ostiary.dev", "models", frozenset({"list", "watch"})),
    ("ostiary.dev", "models/status", frozenset({"patch"})),
    ("ostiary.dev", "apikeys", frozenset({"list", "watch"})),
    ("ostiary.dev", "apikeys/status", frozenset({"patch"})),
    ("ostiary.dev", "budgets", frozenset({"list", "watch"})),
    ("ostiary.dev", "budgets/status", frozenset({"patch"})),
    ("", "secrets", frozenset({"get", "list", "watch", "create", "update"})),
    ("", "events", frozenset({"create"})),
)

AT_HOME: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("", "configmaps", frozenset({"list", "watch", "create", "update", "delete"})),
    ("", "secrets", frozenset({"list", "watch", "create", "update"})),
    ("", "pods", frozenset({"list", "watch"})),
    ("coordination.k8s.io", "leases", frozenset({"get", "create", "update"})),
)
