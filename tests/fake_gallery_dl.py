"""A stand-in for gallery-dl 1.32 with its arguments, configuration, files, lines and exit codes, for made-up pages.

A page `…/set/N` has N pictures; `?slow` waits between them, `?fail` misses the last, `?html` saves a web page as the
first, `?account` wants a login; any other address is no site it knows.
"""

import json
import os
import re
import sqlite3
import sys
import time
from pathlib import Path

from PIL import Image


def main(arguments: list[str]) -> int:
    """Does what the arguments say."""
    options = json.loads(Path(arguments[arguments.index("--config") + 1]).read_text())
    url = Path(arguments[arguments.index("--input-file") + 1]).read_text().strip()
    page = re.search(r"/set/(\d+)", url)
    if page is None:
        print(f"[gallery-dl][error] Unsupported URL '{url}'", file=sys.stderr)
        return 64
    if "account" in url:
        print("[drawn][error] AuthRequired: 'login' needed", file=sys.stderr)
        return 16
    stage = Path(options["base-directory"])
    known = {row[0] for row in sqlite3.connect(options["archive"]).execute("select entry from archive")}
    code = 0
    for number in range(int(page[1])):
        name = f"drawn_{number + 1}"
        file = stage / f"{name}.png"
        record = {
            "category": "drawn", "id": number + 1, "extension": "png", "rating": "safe", "score": 7,
            "tags_general": ["1girl", "long_hair"], "tags_artist": ["some_one"], "tags_character": "kafka_(x)",
            "source": ["https://example.org/a"], "file_url": f"http://127.0.0.1/{name}.png?token=sesame",
        }  # fmt: skip
        if "--simulate" in arguments:
            print(f"# {file.name}", flush=True)
            continue
        meta = stage / options["postprocessors"][0]["directory"]
        meta.mkdir(exist_ok=True)
        (meta / f"{name}.json").write_text(json.dumps(record))
        if name in known or file.exists():
            print(f"# {file}", flush=True)
            continue
        if "fail" in url and number + 1 == int(page[1]):
            print(f"[downloader.http][warning] '404 Not Found' for 'http://h/{name}?token=sesame'", file=sys.stderr)
            print(f"[download][error] Failed to download {file.name}", file=sys.stderr)
            code |= 4
            continue
        if "html" in url and number == 0:
            file.write_text("<html>not yours</html>")
        else:
            part = file.with_suffix(".png.part")
            Image.new("RGB", (40, 30), (number * 20 % 256, 90, 60)).save(part, "PNG")
            os.replace(part, file)
        print(file, flush=True)
        if "slow" in url:
            time.sleep(0.4)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
