"""The whole gateway on one machine: manifests from a folder, the processes of a pod as children of `ostiary run`."""
