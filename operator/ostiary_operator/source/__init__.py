"""Manifests from a folder: the same custom resources as in a cluster, without one."""
