"""The stack for a team, around docker-compose.yaml: its secrets, what must hold at its start, its backups.

`python -m team` runs on the host and needs nothing but Python; `team.preflight` runs in the stack.
"""
