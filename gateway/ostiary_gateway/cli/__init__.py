"""Commands of the gateway; `ostiary` finds them through the entry points `ostiary.commands`."""
