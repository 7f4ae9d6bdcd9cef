"""What the client library would not say clearly, or would pass over in silence, about a kubeconfig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from incident_commander.errors import ConfigurationError

_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


def check_kubeconfig(where: str, context: str | None) -> None:
    """``where``: a path, or several as in ``$KUBECONFIG``. Raises ``ConfigurationError``.

    When there is no such file, when one is not YAML, and when the user of the context acts as somebody else: the
    library ignores that, so that every request would be made with the rights of whoever is really logged in.
    """
    paths = [Path(path).expanduser() for path in where.split(os.pathsep) if path]
    if not any(path.exists() for path in paths):
        raise ConfigurationError(
            f"no API server: there is no kubeconfig {where}. Set KUBECONFIG or --kubeconfig to a file that kubectl "
            "accepts, or run in a pod with a ServiceAccount"
        )
    files = [content for path in paths for content in _load(path)]
    wanted = context or next((f["current-context"] for f in files if f.get("current-context")), None)
    if context is not None and not _named(files, "contexts", context):
        raise ConfigurationError(
            f"no API server: kubeconfig {where} has no context {context!r}; it has: {_names(files, 'contexts')}"
        )
    user = _named(files, "contexts", wanted).get("context")
    name = user.get("user") if isinstance(user, dict) else None
    login = _named(files, "users", name).get("user")
    if isinstance(login, dict) and any(login.get(field) for field in _IMPERSONATION):
        raise ConfigurationError(
            f"kubeconfig {where}: user {name!r} acts as {login.get('as')!r} (impersonation), which is not supported; "
            "acting with its own rights instead would be more than was asked for. Use a user that logs in as itself"
        )


def _named(files: list[dict[str, Any]], field: str, name: object) -> dict[str, Any]:
    """The first entry of that name, as kubectl merges files; empty without one."""
    for file in files:
        entries = file.get(field)
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("name") == name:
                return entry
    return {}


def _names(files: list[dict[str, Any]], field: str) -> str:
    listed = [entries for file in files if isinstance(entries := file.get(field), list)]
    return ", ".join(str(e.get("name")) for entries in listed for e in entries if isinstance(e, dict)) or "none"


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or error
        raise ConfigurationError(f"no API server: kubeconfig {path}{where} is not YAML: {problem}") from None
    except (OSError, UnicodeDecodeError, RecursionError):
        return []  # one of several may be missing; anything else the library complains about
    return [content] if isinstance(content, dict) else []
