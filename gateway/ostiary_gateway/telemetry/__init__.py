"""Numbers for people: Prometheus metrics. Labels come from closed lists: no key, secret or model name."""
