"""The tagger's process: loads a network, then tags pictures while threads decode the next ones. Holds onnxruntime."""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loratui.core.errors import LoratuiError
from loratui.core.sanitize import line as printable
from loratui.core.tagging import labels as label_files
from loratui.core.workers.child import Exchange, Handler, serve

if TYPE_CHECKING:
    from loratui.core.tagging.network import Network

FLOOR = 0.05
"""Scores below this are not kept: no threshold anybody uses lies there, and a picture has thousands of them."""


class Tagger:
    """One loaded network and its labels."""

    def __init__(self) -> None:
        self._network: Network | None = None
        self._labels: tuple[label_files.Label, ...] = ()

    def load(self, params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
        """`{model, labels}`: two files → what the network says of itself, and every label as `[name, category]`."""
        from loratui.core.tagging.network import Network

        self._labels = label_files.read(Path(params["labels"]))
        self._network = Network(Path(params["model"]), len(self._labels))
        return {
            "provider": self._network.provider,
            "fell_back_from": self._network.fell_back_from,
            "description": self._network.description,
            "size": self._network.input.size,
            "labels": [[label.name, label.category] for label in self._labels],
        }

    def tag(self, params: dict[str, Any], exchange: Exchange) -> Mapping[str, Any]:
        """`{paths}` → an item for each, in order: `{scores: [[label, probability]…]}` or `{error}`."""
        network = self._network
        if network is None:
            raise LoratuiError("The tagger was asked to tag before a model was loaded.")
        with ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 1))) as decoders:
            for batch in _batches(self._decoded(decoders, params["paths"], network.input.size), network.batch):
                self._run(network, batch, exchange)
        return {}

    def _decoded(self, decoders: ThreadPoolExecutor, paths: list[str], size: int) -> Iterator[Any]:
        """The pictures in order, or the error of one; decoded a little ahead."""
        ahead = 2 * (self._network.batch if self._network else 1) + 4
        waiting: deque[Future[Any]] = deque()
        source = iter(paths)
        waiting.extend(decoders.submit(_decode, path, size) for path in islice(source, ahead))
        while waiting:
            picture = waiting.popleft().result()
            waiting.extend(decoders.submit(_decode, path, size) for path in islice(source, 1))
            yield picture

    def _run(self, network: "Network", batch: list[Any], exchange: Exchange) -> None:
        import numpy as np

        pictures = [picture for picture in batch if not isinstance(picture, str)]
        rows = iter(network.run(pictures)) if pictures else iter(())
        for picture in batch:
            if isinstance(picture, str):
                exchange.item({"error": picture})
                continue
            row = next(rows)
            if np.isnan(row).any():
                exchange.item({"error": "the network gave values that are no probabilities"})
                continue
            found = np.flatnonzero(row >= FLOOR)
            found = found[np.argsort(-row[found], kind="stable")]
            scores = [[int(n), round(float(row[n]), 5)] for n in found if self._labels[n].name]
            exchange.item({"scores": scores})


def _decode(path: str, size: int) -> Any:
    """The picture's array, or what is wrong with it in a few words."""
    from loratui.core.pictures import PictureError
    from loratui.core.tagging import pictures

    try:
        return pictures.load(Path(path), size)
    except PictureError as error:  # whoever shows it names the file
        return error.message.removeprefix(f"{printable(Path(path).name)} ").removesuffix(".")
    except MemoryError:
        return "too large for the memory"
    except Exception as error:  # Pillow raises nearly anything at a broken file; one picture must not stop the rest
        said = str(error).strip().splitlines()
        return said[0].replace(path, Path(path).name) if said else type(error).__name__


def _batches(pictures: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(pictures, size)):
        yield batch


def prepare() -> dict[str, Handler]:
    """Imports what tagging needs: whatever is missing is said before the first request."""
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
    import PIL.Image  # noqa: F401

    tagger = Tagger()
    return {"load": tagger.load, "tag": tagger.tag}


if __name__ == "__main__":
    serve("tagger", prepare)
