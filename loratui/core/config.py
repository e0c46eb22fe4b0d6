"""The person's configuration: boards and their keys, the trainer, folders of models, the looks. Mode 0600: keys."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from loratui.core import paths, tomls
from loratui.core.errors import UsageError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


class BoardConfig(msgspec.Struct, kw_only=True):
    """One board.

    Attributes:
        engine: which family of API it speaks: danbooru, gelbooru, gelbooru02, moebooru, e621, philomena, zerochan.
        url: scheme and host, without a path at the end.
        login: user name, where the engine wants one.
        user_id: the number of the account (Gelbooru family).
        api_key: the key.
        needs_key: it answers nothing without a key.
        referer: sent with requests for files; "" for none.
        transfers: how many files at once from one host.
        file_interval: seconds between the beginnings of two files of one host.
        xml: posts are asked for as XML, because the site's JSON has no addresses (gelbooru02).
        filter_id: the site's filter that its answers go through (philomena); 0: the site's default, which hides much.
    """

    engine: str = ""
    url: str = ""
    login: str = ""
    user_id: str = ""
    api_key: str = ""
    needs_key: bool = False
    referer: str = ""
    transfers: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    file_interval: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    xml: bool = False
    filter_id: int = 0

    def __repr__(self) -> str:
        """Without the key: what holds this may be printed when something breaks."""
        return f"BoardConfig(engine={self.engine!r}, url={self.url!r}, key={'yes' if self.api_key else 'no'})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Likewise, for tracebacks that show variables."""
        return [("engine", self.engine), ("url", self.url)]


class TrainerConfig(msgspec.Struct, kw_only=True):
    """Where the trainer is, for those who have one.

    Attributes:
        python: the interpreter with torch and sd-scripts' packages; "": the one `loratui setup` made.
        sd_scripts: the folder of sd-scripts; "": the submodule, or the clone that `loratui setup` made.
    """

    python: str = ""
    sd_scripts: str = ""


class UiConfig(msgspec.Struct, kw_only=True):
    """The looks.

    Attributes:
        theme: a theme's name; "": chosen by the terminal.
        graphics: auto, kitty, halfcell or none.
        slow_link: fewer and smaller pictures, fewer repaints.
    """

    theme: str = ""
    graphics: str = "auto"
    slow_link: bool = False


class Config(msgspec.Struct, kw_only=True):
    """config.toml, with the boards that come with the program.

    Attributes:
        boards: by name; an entry of the file adds to, or overrides, the built-in one of that name.
        default_board: searched where none is named.
        model_dirs: folders searched for base models and VAEs, besides the project's own.
        trainer: the trainer's environment.
        ui: the looks.
    """

    boards: dict[str, BoardConfig] = {}
    default_board: str = "danbooru"
    model_dirs: list[str] = []
    trainer: TrainerConfig = msgspec.field(default_factory=TrainerConfig)
    ui: UiConfig = msgspec.field(default_factory=UiConfig)


def _built_in() -> dict[str, dict[str, object]]:
    return {
        "danbooru": {"engine": "danbooru", "url": "https://danbooru.donmai.us"},
        "danbooru-safe": {"engine": "danbooru", "url": "https://safebooru.donmai.us"},
        "gelbooru": {
            "engine": "gelbooru",
            "url": "https://gelbooru.com",
            "needs_key": True,
            "referer": "https://gelbooru.com/",
        },
        "safebooru": {"engine": "gelbooru02", "url": "https://safebooru.org"},
        "rule34": {"engine": "gelbooru02", "url": "https://api.rule34.xxx", "needs_key": True},
        "tbib": {"engine": "gelbooru02", "url": "https://tbib.org", "xml": True},
        "yandere": {"engine": "moebooru", "url": "https://yande.re"},
        "konachan": {"engine": "moebooru", "url": "https://konachan.com"},
        "konachan-safe": {"engine": "moebooru", "url": "https://konachan.net"},
        "e621": {"engine": "e621", "url": "https://e621.net"},
        "e926": {"engine": "e621", "url": "https://e926.net"},
        # The filters are those called Everything: what a board's default one hides is not said in its answers.
        "derpibooru": {"engine": "philomena", "url": "https://derpibooru.org", "filter_id": 56027},
        "furbooru": {"engine": "philomena", "url": "https://furbooru.org", "filter_id": 2},
        "ponybooru": {"engine": "philomena", "url": "https://ponybooru.org", "filter_id": 3},
        "zerochan": {"engine": "zerochan", "url": "https://www.zerochan.net", "needs_key": True},
    }


def config_path() -> Path:
    """The file."""
    return paths.config_dir() / "config.toml"


def load() -> Config:
    """The configuration: the file's over the built-in values. A missing file is an empty one.

    Raises:
        UsageError: the file is not TOML, a value has the wrong type, or a key is misspelt.
    """
    return load_with_warnings()[0]


def load_with_warnings() -> tuple[Config, list[str]]:
    """Like `load`; besides, the unknown keys of the file."""
    path = config_path()
    table = tomls.read(path) if path.exists() else {}
    for board in table["boards"].values() if isinstance(table.get("boards"), dict) else ():
        if isinstance(board, dict) and isinstance(board.get("user_id"), int):
            board["user_id"] = str(board["user_id"])  # a number, and so a person writes it
    config, unknown = tomls.decode(table, Config, path.name)
    merged = _built_in()
    for name, board in (table.get("boards") or {}).items():
        merged[name] = {**merged.get(name, {}), **board}
    config.boards = {name: msgspec.convert(board, BoardConfig) for name, board in merged.items()}
    return config, unknown


def set_board(name: str, fields: Mapping[str, str]) -> None:
    """Sets fields of the board `name` in the file, all or none; an empty one is taken out. See `set_value`."""

    def change(document: "TOMLDocument") -> None:
        import tomlkit

        table: Any = document
        for key in ("boards", name):
            if key not in table:
                table[key] = tomlkit.inline_table() if isinstance(table, InlineTable) else tomlkit.table()
            table = table[key]
            if not isinstance(table, MutableMapping):
                raise UsageError(f"config.toml has a value at {key!r}, not a table.", f"Mend {config_path()}.")
        for field, value in fields.items():
            if value:
                table[field] = value
            else:
                table.pop(field, None)

    from tomlkit.items import InlineTable

    tomls.edit(config_path(), change, mode=0o600)


def set_value(dotted: str, value: object) -> None:
    """Sets one value, such as `boards.gelbooru.api_key`, in the file, with comments kept and mode 0600.

    Board names may hold dots if quoted: give a tuple-like path with `\\0` between the parts instead of dots.
    """
    keys = tuple(dotted.split("\0") if "\0" in dotted else dotted.split("."))
    tomls.set_value(config_path(), keys, value, mode=0o600)
