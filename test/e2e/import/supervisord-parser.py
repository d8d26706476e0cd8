"""Reads a JSON list of configurations ({"text": …}) from standard input. Prints what supervisord's own parser makes of each:
a list of processes, or {"error": …}. Run with the environment that %(ENV_X)s should see."""
import json
import os
import pwd
import shlex
import sys
import tempfile

from supervisor.datatypes import Automatic, RestartUnconditionally
from supervisor.options import ServerOptions


def restart(value):
    return "never" if value is False else "always" if value is RestartUnconditionally else "unexpected"


def logfile(process, stream):
    name = getattr(process, stream + "_logfile")
    return {
        "file": "auto" if name is Automatic else name,
        "maxBytes": getattr(process, stream + "_logfile_maxbytes"),
        "backups": getattr(process, stream + "_logfile_backups"),
    }


def describe(group, process):
    try:
        argv = shlex.split(process.command)
    except ValueError as error:
        argv = "error: %s" % error
    return {
        "name": process.name,
        "group": group.name,
        "argv": argv,
        "directory": process.directory,
        "environment": process.environment,
        "user": None if process.uid is None else pwd.getpwuid(process.uid).pw_name,
        "umask": process.umask,
        "priority": process.priority,
        "autostart": process.autostart,
        "autorestart": restart(process.autorestart),
        "startsecs": process.startsecs,
        "startretries": process.startretries,
        "stopsignal": int(process.stopsignal),
        "stopwaitsecs": process.stopwaitsecs,
        "stopasgroup": process.stopasgroup,
        "killasgroup": process.killasgroup,
        "exitcodes": process.exitcodes,
        "stdout": logfile(process, "stdout"),
        "stderr": logfile(process, "stderr"),
    }


def parse(text):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "supervisord.conf")
        with open(path, "w", newline="") as file:
            file.write(text)
        options = ServerOptions()
        options.here = directory
        try:
            section = options.read_config(path)
        except ValueError as error:
            return {"error": str(error)}
        except Exception as error:  # configparser's own errors
            return {"error": "%s: %s" % (type(error).__name__, error)}
        return [describe(group, process) for group in section.process_group_configs for process in group.process_configs]


json.dump([parse(one["text"]) for one in json.load(sys.stdin)], sys.stdout)
