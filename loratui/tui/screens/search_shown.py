"""The posts of a search as they are shown: in an order, some marked, some of them here already. Without widgets."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from loratui.core.boards.post import Post

Key = tuple[str, int]
"""A post's board and number."""
Here = Literal["project", "trash", "queue"]


_MOST = 0.8
"""The share of posts with a tag from which on it tells none of them from the others."""
_FEW = 10
"""So many posts are too few to say that."""


def key_of(post: "Post") -> Key:
    """What tells a post from all others."""
    return post.board, post.id


@dataclass(frozen=True, slots=True)
class Order:
    """An order in which listed posts can be put here, from their records alone.

    Attributes:
        name: as the person reads it.
        value: what is compared, the greatest first; None goes last.
    """

    name: str
    value: "Callable[[Post], float | None]"


ORDERS: Final = (
    Order("score", lambda post: post.score),
    Order("shorter side", lambda post: min(post.width, post.height) or None),
    Order("pixels", lambda post: post.width * post.height or None),
    Order("bytes", lambda post: post.size),
    Order("most tags", lambda post: len(post.all_tags())),
    Order("fewest tags", lambda post: -len(post.all_tags())),
    Order("oldest", lambda post: -post.id),
)


class Shown:
    """Grows page by page; marks and what is here belong to posts, whatever order they stand in.

    Attributes:
        posts: as shown.
        marked: the keys of the chosen ones.
        new: the keys of those that came since the person last looked at the query.
        counts: how many of the posts have each tag.
        common: tags that say little, as most of the first posts have them. Later posts do not change that, so that
            rows stay as they were painted.
        order: the order they are put in; None: as they came.
    """

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.marked: set[Key] = set()
        self.new: set[Key] = set()
        self.counts: Counter[str] = Counter()
        self.common: frozenset[str] = frozenset()
        self.order: Order | None = None
        self._came: list[Post] = []
        self._here: dict[Key, Here] = {}
        self._anchor: Key | None = None

    def __len__(self) -> int:
        return len(self.posts)

    # --- posts ---------------------------------------------------------------------------------------------------

    def add(self, posts: "Sequence[Post]") -> None:
        """Adds posts at the end, or where the order puts them."""
        self._came += posts
        self._count(posts)
        self._arrange(posts)

    def replace(self, posts: "Iterable[Post]") -> None:
        """Puts newer records of the same posts in the place of the old ones."""
        newer = {key_of(post): post for post in posts}
        self.posts = [newer.get(key_of(post), post) for post in self.posts]
        self._came = [newer.get(key_of(post), post) for post in self._came]

    def renew(self, posts: "Iterable[Post]") -> None:
        """Shows other posts of the same search, as other filters let them through; marks of those that went go too."""
        self._came = list(posts)
        self.marked &= {key_of(post) for post in self._came}
        self.counts.clear()
        self._count(self._came)
        self.posts = []
        self._arrange(self._came)

    def sort(self, order: Order | None) -> None:
        """Puts the posts in an order, None: as they came."""
        self.order = order
        self.posts = []
        self._arrange(self._came)

    def _count(self, posts: "Iterable[Post]") -> None:
        for post in posts:
            for tags in post.tags.values():
                self.counts.update(tags)
        if not self.common and len(self._came) >= _FEW:
            most = len(self._came) * _MOST
            self.common = frozenset(tag for tag, number in self.counts.items() if number >= most)

    def _arrange(self, new: "Sequence[Post]") -> None:
        self.posts = [*self.posts, *new]
        if self.order is not None:
            value = self.order.value
            # Stable, so that posts of the same worth stay as they came; unknown ones last.
            self.posts.sort(key=lambda post: -worth if (worth := value(post)) is not None else float("inf"))

    def index_of(self, key: Key | None) -> int | None:
        """Where a post stands now."""
        return next((index for index, post in enumerate(self.posts) if key_of(post) == key), None)

    # --- marks ---------------------------------------------------------------------------------------------------

    def is_marked(self, index: int) -> bool:
        """Whether the post is chosen."""
        return bool(self.marked) and key_of(self.posts[index]) in self.marked

    def mark(self, index: int) -> None:
        """Marks a post, or takes its mark away."""
        self._anchor = key_of(self.posts[index])
        self.marked ^= {self._anchor}

    def mark_range(self, index: int) -> None:
        """Marks everything from the post that was marked last to this one."""
        start = self.index_of(self._anchor)
        start = index if start is None else start
        self._anchor = key_of(self.posts[index])
        self.marked.update(key_of(post) for post in self.posts[min(start, index) : max(start, index) + 1])

    def mark_all(self) -> None:
        """Marks every post that is not here already; where those are marked, takes all marks away."""
        wanted = {key_of(post) for post in self.posts if self.here_of(post) is None}
        self.marked = set() if wanted <= self.marked else wanted

    def invert(self) -> None:
        """Marks what is not marked, and the other way round."""
        self.marked = {key_of(post) for post in self.posts} - self.marked

    def chosen(self) -> "list[Post]":
        """The marked posts, in the order shown."""
        return [post for post in self.posts if key_of(post) in self.marked]

    # --- what is here --------------------------------------------------------------------------------------------

    def know(self, here: Mapping[Key, Here], of: "Collection[Post]") -> None:
        """Takes in which of the posts `of` are here."""
        for post in of:
            self._here.pop(key_of(post), None)
        self._here.update(here)

    def here_of(self, post: "Post") -> Here | None:
        """Where the picture of a post is already; None: nowhere."""
        return self._here.get(key_of(post))

    @property
    def present(self) -> int:
        """How many of the posts are here already."""
        return sum(1 for post in self.posts if key_of(post) in self._here) if self._here else 0
