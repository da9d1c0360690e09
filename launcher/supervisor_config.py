"""The programs that run under supervisord, and the configuration generated for them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["store", "service", "once"]

# Stores stop last, after everything that writes to them: supervisord stops groups from the highest priority.
GROUP_PRIORITY: dict[Kind, int] = {"store": 100, "once": 200, "service": 300}


@dataclass(frozen=True)
class Program:
    """One process under supervision.

    kind : `store` holds data, `service` runs for ever, `once` ends and is started again only on request.
    settled_s : a process that ends earlier is started again after a growing pause, a later one at once.
    stop_s : time between SIGTERM and SIGKILL.
    autostart : start together with supervisord.
    """

    name: str
    command: tuple[str, ...]
    kind: Kind = "service"
    settled_s: int = 10
    stop_s: int = 10
    autostart: bool = True


def environment(programs: Sequence[Program]) -> dict[str, str]:
    """Variables that `config` refers to: the commands, quoted for supervisord.

    They reach it as %(ENV_...)s: written into the file itself, a `%`, a ` ;` or a ` #` in the name of a
    folder would be taken for an expansion or a comment, and the last two cannot be escaped.
    """
    return {f"SUPERVISED_{program.name.upper()}": shlex.join(program.command) for program in programs}


def socket_file(folder: Path) -> Path:
    """The socket that supervisord listens on."""
    return folder / "supervisor.sock"


def log_folder(folder: Path) -> Path:
    """Where supervisord writes logs: a link in its own folder, for it expands a log file's path twice."""
    return folder / "logs"


def config(programs: Sequence[Program], folder: Path) -> str:
    """Text of supervisord's configuration file.

    folder : supervisord's own; its path holds only letters, digits and `_./-`.
    After `startretries` quick ends in a row, with pauses of 1, 2, 3... seconds, supervisord gives a program
    up (FATAL); `allocast up` starts it again a little later, so no pause grows without bound.
    """
    parts = [
        f"""[unix_http_server]
file={socket_file(folder)}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon=true
silent=true
logfile={log_folder(folder)}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={folder}/supervisord.pid
childlogdir={log_folder(folder)}
nocleanup=true
"""
    ]
    for kind, priority in GROUP_PRIORITY.items():
        names = [program.name for program in programs if program.kind == kind]
        if names:
            parts.append(f"[group:{kind}]\nprograms={','.join(names)}\npriority={priority}\n")
    parts.extend(_program(position, program, folder) for position, program in enumerate(programs))
    return "\n".join(parts)


def _program(position: int, program: Program, folder: Path) -> str:
    once = program.kind == "once"
    return f"""[program:{program.name}]
command=%(ENV_SUPERVISED_{program.name.upper()})s
priority={position}
autostart={str(program.autostart).lower()}
autorestart={"false" if once else "true"}
startsecs={0 if once else program.settled_s}
startretries=8
stopsignal=TERM
stopwaitsecs={program.stop_s}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={log_folder(folder)}/{program.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""
