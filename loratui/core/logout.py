"""Whether what is started here outlives the login: a login manager may end all processes of a person who leaves.

systemd's logind does where KillUserProcesses is on. A process of its own session is no way out of that, only one that
belongs to the person's service manager is, and only where that manager lingers.
"""

import getpass
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Login:
    """What the login manager does.

    Attributes:
        systemd: whether systemd runs this machine; without it the rest is False.
        kills: whether it ends this person's processes at logout.
        lingers: whether the person's service manager goes on without a login.
        outside: whether this process belongs to that manager, not to the login.
    """

    systemd: bool
    kills: bool = False
    lingers: bool = False
    outside: bool = False

    @property
    def safe(self) -> bool:
        """Whether a child of this process outlives the login."""
        return not self.kills or (self.lingers and self.outside)


def login() -> Login:
    """Asks the login manager, and where it does not answer its files."""
    if not (ROOT / "run/systemd/system").is_dir():
        return Login(systemd=False)
    if not _kills():
        return Login(systemd=True)
    return Login(systemd=True, kills=True, lingers=_lingers(), outside=_outside())


def scope(name: str) -> list[str]:
    """The words before a command that make it outlive the login; empty where it does, or nothing helps.

    The command becomes a scope of the person's service manager. It stays a child of ours and keeps its files.

    Args:
        name: of the scope, unique; letters, digits and dashes are kept.
    """
    found = login()
    program = shutil.which("systemd-run")
    if found.safe or not found.lingers or program is None:
        return []
    unit = "loratui-" + "".join(char if char.isascii() and char.isalnum() else "-" for char in name[-200:])
    return [program, "--user", "--scope", "--quiet", "--collect", f"--unit={unit}", "--"]


def _kills() -> bool:
    """KillUserProcesses, as it applies to this person."""
    settings = _asked() or _written()
    if settings.get("KillUserProcesses", "no").lower() not in ("yes", "true", "on", "1"):
        return False
    try:
        person = getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in containers
        person = str(os.getuid())
    only = settings.get("KillOnlyUsers", "").split()
    return person not in settings.get("KillExcludeUsers", "root").split() and (not only or person in only)


def _asked() -> dict[str, str]:
    """What the running login manager says; {} where it cannot be asked."""
    names = ("KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers")
    found = _loginctl("show-user", *(f"--property={name}" for name in names))
    return found if "KillUserProcesses" in found else {}


def _written() -> dict[str, str]:
    """What its files say; its own default is yes, Debian's and others' is no and stands in the file."""
    files = [ROOT / "usr/lib/systemd/logind.conf", ROOT / "etc/systemd/logind.conf"]
    for folder in ("usr/lib", "run", "etc"):
        files += sorted((ROOT / folder / "systemd" / "logind.conf.d").glob("*.conf"))
    answer: dict[str, str] = {}
    for file in files:
        try:
            lines = file.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for text in lines:
            # A commented line in the shipped file tells the default the distribution was built with.
            key, equals, value = text.strip().lstrip("#").partition("=")
            if equals and key.startswith("Kill") and (not text.lstrip().startswith("#") or file.name == "logind.conf"):
                answer[key] = value.strip()
    return answer


def _lingers() -> bool:
    return _loginctl("show-user", str(os.getuid()), "--property=Linger").get("Linger") == "yes"


def _loginctl(*words: str) -> dict[str, str]:
    """The properties that loginctl prints, {} where it does not answer."""
    try:
        done = subprocess.run(["loginctl", *words], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return {}
    pairs = (text.partition("=") for text in done.stdout.splitlines())
    return {key: value for key, equals, value in pairs if equals}


def _outside() -> bool:
    """What a login's end kills is in the login's control group; that of the person's manager is another."""
    try:
        return "/user@" in (ROOT / "proc/self/cgroup").read_text()
    except OSError:
        return False
