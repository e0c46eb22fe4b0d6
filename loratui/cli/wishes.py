"""The options that choose among posts, for every verb that searches."""

import argparse
from typing import TYPE_CHECKING

from loratui.cli.verbs import Args, Parser

if TYPE_CHECKING:
    from loratui.core.boards.choosing.wishes import Wishes
    from loratui.core.project import Project


def add_filters(parser: Parser) -> None:
    """Declares them; `wishes` reads them."""
    group = parser.add_argument_group("filters, judged from the records before a file is fetched")
    add = group.add_argument
    add("--min-side", type=int, default=0, metavar="N", help="leave out what is smaller than N pixels")
    add("--min-mpixels", type=float, default=0.0, metavar="N", help="leave out what has less than N million pixels")
    add("--max-mpixels", type=float, default=0.0, metavar="N", help="leave out what has more than N million pixels")
    add(
        "--max-crop",
        type=_share,
        metavar="SHARE",
        help="leave out what loses more than this by fitting into a training bucket: 0.15 or 15%%",
    )
    add("--min-score", type=int, metavar="N", help="leave out what the board's people like less")
    add("--newer", default="", metavar="WHEN", help="put up since: 2024-05-01, 2024, 30d, 2w, 6mo, 1y")
    add("--older", default="", metavar="WHEN", help="put up before")
    add("--without", default="", metavar="LIST", help=f"leave out kinds ({_SETS}) and tags, divided by commas")
    add("--one-of-family", action="store_true", help="of a parent and its children only the first one listed")
    add("--animated", action="store_true", help="take pictures that move too")
    add(
        "--smallest-variant",
        type=int,
        default=0,
        metavar="N",
        help="fetch the board's smallest picture with both sides ≥ N, where that spares something",
    )


def wishes(args: Args, project: "Project | None") -> "Wishes":
    """What the options ask for.

    Raises:
        UsageError: one of them cannot be meant.
    """
    from loratui.core.boards.choosing.wishes import Wishes

    ratios: tuple[float, ...] = ()
    if args.max_crop is not None:
        from loratui.core.acts.boards import bucket_ratios

        ratios = bucket_ratios(project)
    return Wishes(
        min_side=args.min_side,
        min_mpixels=args.min_mpixels,
        max_mpixels=args.max_mpixels,
        max_crop=args.max_crop,
        ratios=ratios,
        animated=args.animated,
        min_score=args.min_score,
        newer=args.newer,
        older=args.older,
        without=tuple(word.strip() for word in args.without.split(",") if word.strip()),
        one_of_family=args.one_of_family,
        variant_side=args.smallest_variant,
    ).checked()


_SETS = "comic, monochrome, text, multiple-views, sketch, 3d, photo, generated, marks, damaged, crowd"


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 0.15 or 15%") from None
