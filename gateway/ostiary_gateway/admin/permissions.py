"""What the admin API may do in a cluster, exactly: the calls of `cluster.py` and `reviews.py`, nothing else.

The chart's roles are compared with these tables in tests. Each row is (API group, resource, verbs). `RESOURCES` is needed in each
namespace that is served, `REVIEWS` in the whole cluster where Kubernetes says who may use the API. A key is never deleted.
"""

Rows = tuple[tuple[str, str, frozenset[str]], ...]

_CHANGE = frozenset({"get", "list", "create", "update"})
RESOURCES: Rows = (
    ("ostiary.dev", "apikeys", _CHANGE),
    ("ostiary.dev", "providers", _CHANGE | {"delete"}),
    ("ostiary.dev", "models", _CHANGE | {"delete"}),
    ("ostiary.dev", "budgets", _CHANGE | {"delete"}),
)
REVIEWS: Rows = (
    ("authentication.k8s.io", "tokenreviews", frozenset({"create"})),
    ("authorization.k8s.io", "subjectaccessreviews", frozenset({"create"})),
)
