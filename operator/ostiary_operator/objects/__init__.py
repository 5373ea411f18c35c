"""The Kubernetes manifests that the operator writes, as plain values. Pure: who writes them, and when, is told in reconcile."""
