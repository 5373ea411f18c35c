"""What the gateway may do in the cluster, exactly: the calls of `cluster.py`, all in its own namespace.

The chart's Role is compared with this table in tests. Each row is (API group, resource, names, verbs); `{bundle}` stands for the
bundle's name, and empty names are all.
"""

AT_HOME: tuple[tuple[str, str, frozenset[str], frozenset[str]], ...] = (
    ("", "configmaps", frozenset(), frozenset({"list", "watch"})),
    ("", "secrets", frozenset({"{bundle}-credentials"}), frozenset({"list", "watch"})),
    ("", "pods", frozenset(), frozenset({"patch"})),
)
