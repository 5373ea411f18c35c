"""nginx's keeper: PID 1 of the nginx container, a child of `ostiary run` on one machine.

It writes nginx's files, starts nginx or adopts the one that a killed supervisor left behind, reloads it when the
bundle's provider hosts change, keeps the last good configuration, rotates the spool and reports in `run/nginx.json`
what is in force. It decides nothing.
"""
