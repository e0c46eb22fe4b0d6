"""A worker that misbehaves on request: run by test_workers.py through the real protocol."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from loratui.core.errors import Refused
from loratui.core.workers.child import Exchange, Handler, serve


def echo(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    print("a library prints on stdout")
    return params


def count(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    for number in range(params["to"]):
        exchange.progress(number + 1, params["to"], "counting")
        exchange.item({"number": number})
    return {"counted": params["to"]}


def die(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    print("cuda error: \x1b[31mout of things", file=sys.stderr, flush=True)
    os.kill(os.getpid(), params["signal"])
    time.sleep(10)
    return {}


def leave(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    os._exit(7)


def sleep(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    if params.get("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    exchange.progress(0, None, "asleep")
    time.sleep(600)
    return {}


def grandchild(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    process = subprocess.Popen(["sleep", "60"])
    exchange.item({"pid": process.pid})
    time.sleep(600)
    return {}


def refuse(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    raise Refused("It is not \x1b]0;x\x07so.", "Do it otherwise.")


def fail(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    raise RuntimeError("first line\nsecond line")


def not_finite(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    return {"value": float("nan")}


def too_long(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    os.write(params["descriptor"], b"x" * (5 * 1024 * 1024))
    time.sleep(600)
    return {}


def nonsense(params: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    os.write(params["descriptor"], b"hello\n")
    time.sleep(600)
    return {}


def prepare() -> dict[str, Handler]:
    match os.environ.get("ODD", ""):
        case "missing":
            import a_package_nobody_has  # type: ignore[import-not-found] # noqa: F401
        case "broken":
            raise ImportError("libsomething.so.9: cannot open shared object file")
        case "slow":
            time.sleep(600)
        case "silent":
            os._exit(3)
    handlers = [echo, count, die, leave, sleep, grandchild, refuse, fail, not_finite, too_long, nonsense]
    return {handler.__name__: handler for handler in handlers}


if __name__ == "__main__":
    serve("odd one", prepare)
