"""The answers of the engines, in the shapes of the recorded ones, and how deep each of them lets anybody page."""

import html
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from xml.sax.saxutils import quoteattr

from tests.board_rules import Refused

if TYPE_CHECKING:
    from tests.boards_server import BoardServer, Sample

TYPES = {"general": 0, "artist": 1, "copyright": 3, "character": 4, "meta": 5}
Params = dict[str, str]


def answer(server: "BoardServer", path: str, params: Params) -> tuple[int, str, bytes]:
    """Status, content type and body of an API request."""
    make = _SHAPES.get((server.engine, path))
    if make is None and server.engine == "zerochan" and "json" in params:
        make = lambda server, params: _zerochan(server, params, path)  # noqa: E731
    if make is None:
        return 404, "text/html", b"<html><body>404</body></html>"
    try:
        made = make(server, params)
    except Refused as refused:
        return refused.status, *_refusal(server.engine, refused)
    if isinstance(made, str):
        return 200, "text/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{made}'.encode()
    # The older engines call their JSON text/html.
    kind = "text/html" if server.engine.startswith("gelbooru") else "application/json; charset=utf-8"
    return 200, kind, json.dumps(made).encode()


def _refusal(engine: str, refused: Refused) -> tuple[str, bytes]:
    if engine.startswith("gelbooru") or engine == "zerochan":
        return "text/html", f"<html><body>{refused.message}</body></html>".encode()
    kinds = {422: "PostQuery::TagLimitError", 410: "PaginationExtension::PaginationError"}
    body = {"success": False, "error": kinds.get(refused.status, "Error"), "message": refused.message, "backtrace": []}
    return "application/json", json.dumps(body).encode()


def _page(server: "BoardServer", params: Params) -> list["Sample"]:
    """A page by number, or by id: which forces the order of ids, whatever else was asked for."""
    query, page = params.get("tags", ""), params.get("page", "1")
    limit = min(int(params["limit"]), server.most or 10**9)
    if page.startswith("b"):
        words = " ".join(word for word in query.split() if not word.startswith("order:"))
        return [sample for sample in server.found(words) if sample.id < int(page[1:])][:limit]
    deepest = (
        {"danbooru": 1000, "e621": 750, "moebooru": 5000}[server.engine] if server.deepest is None else server.deepest
    )
    if int(page) > deepest:
        raise Refused(403 if server.engine == "moebooru" else 410, f"You cannot go beyond page {deepest}.")
    return server.found(query)[(int(page) - 1) * limit :][:limit]


def _shown(server: "BoardServer", found: list["Sample"]) -> list["Sample"]:
    """What is left of a page after the site cut out what it hides from this visitor: short pages are no last ones."""
    return [sample for sample in found if sample.id not in server.cut_out]


def _danbooru(server: "BoardServer", params: Params) -> list[dict[str, Any]]:
    posts = []
    for sample in _shown(server, _page(server, params)):
        post: dict[str, Any] = {
            "id": sample.id,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.639+00:00", time.gmtime(sample.created)),
            "score": sample.score,
            "source": sample.source,
            "md5": sample.md5,
            "rating": sample.rating,
            "image_width": sample.width,
            "image_height": sample.height,
            "tag_string": " ".join(sample.words),
            "file_ext": sample.ext,
            "file_size": len(sample.data),
            "parent_id": sample.parent,
            "is_deleted": sample.deleted,
            "is_banned": False,
            **{f"tag_string_{kind}": " ".join(sample.tags.get(kind, [])) for kind in TYPES},
            "file_url": server.file_url(sample),
            "large_file_url": server.file_url(sample),
            "preview_file_url": server.file_url(sample),
        }
        if sample.hidden:
            for key in ("file_url", "large_file_url", "preview_file_url", "md5"):
                del post[key]
        posts.append(post)
    return posts


def _danbooru_tags(server: "BoardServer", params: Params) -> list[dict[str, Any]]:
    return [
        {"id": 1, "name": name, "post_count": len(server.having(name)), "category": TYPES[server.kind(name)]}
        for name in params["search[name_comma]"].split(",")
        if server.having(name)
    ]


def _moebooru(server: "BoardServer", params: Params) -> Any:
    posts: list[dict[str, Any]] = [
        {
            "id": sample.id,
            "tags": " ".join(sample.words),
            "created_at": sample.created,
            "source": sample.source,
            "score": sample.score,
            "md5": sample.md5,
            "file_size": len(sample.data),
            "file_url": server.file_url(sample),
            "preview_url": server.file_url(sample),
            "sample_url": server.file_url(sample),
            "rating": {"g": "s"}.get(sample.rating, sample.rating),
            "parent_id": sample.parent,
            "status": "deleted" if sample.deleted else "active",
            "width": sample.width,
            "height": sample.height,
            "is_held": False,
        }
        for sample in _shown(server, _page(server, params))
    ]
    if params.get("api_version") != "2":
        return posts
    return {"posts": posts, "tags": {tag: server.kind(tag) for post in posts for tag in post["tags"].split()}}


def _e621(server: "BoardServer", params: Params) -> Any:
    if int(params["limit"]) > 320:
        raise Refused(422, "limit must be at most 320")
    posts = []
    for sample in _shown(server, _page(server, params)):
        url = None if sample.hidden else server.file_url(sample)
        kinds = ("general", "artist", "copyright", "character", "species", "meta")
        common = {
            "id": sample.id,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.837+00:00", time.gmtime(sample.created)),
            "rating": {"g": "s"}.get(sample.rating, sample.rating),
            "tags": {kind: sample.tags.get(kind, []) for kind in kinds},
            "sources": [sample.source],
            "flags": {"deleted": sample.deleted},
            "relationships": {"parent_id": sample.parent, "children": []},
        }
        file = {"width": sample.width, "height": sample.height, "url": url}
        meta = {"ext": sample.ext, "size": len(sample.data), "md5": sample.md5}
        if params.get("v2") == "true":
            small = {"width": 150, "height": 150, "jpg": url, "webp": url}
            files = {"meta": meta, "original": file, "preview": small, "sample": small}
            posts.append({**common, "files": files, "stats": {"score": {"total": sample.score}}})
        else:
            small = {"width": 150, "height": 150, "url": url}
            posts.append(
                {
                    **common,
                    "file": {**file, **meta},
                    "preview": small,
                    "sample": small,
                    "score": {"total": sample.score},
                }
            )
    return posts if params.get("v2") == "true" else {"posts": posts}


def _gelbooru_page(server: "BoardServer", params: Params) -> tuple[list["Sample"], int, int]:
    limit, pid = int(params.get("limit", "100")), int(params.get("pid", "0"))
    deepest = 20_000 if server.deepest is None else server.deepest * limit
    if pid * limit >= deepest:
        raise Refused(200, "Unable to search this deep in temporary storage.")
    found = server.found(params["tags"])
    return _shown(server, found[pid * limit :][: min(limit, server.most or limit)]), pid * limit, len(found)


def _gelbooru(server: "BoardServer", params: Params) -> Any:
    limit = int(params.get("limit", "100"))
    if params["s"] == "tag":
        tags = [
            {"id": 1, "name": name, "count": len(server.having(name)), "type": TYPES[server.kind(name)], "ambiguous": 0}
            for name in params["names"].split()[:limit]
            if server.kind(name)
        ]
        return {"@attributes": {"limit": limit, "offset": 0, "count": len(tags)}, "tag": tags}
    page, start, total = _gelbooru_page(server, params)
    words = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit"}
    posts = [
        {
            "id": sample.id,
            "created_at": time.strftime("%a %b %d %H:%M:%S +0000 %Y", time.gmtime(sample.created)),
            "score": sample.score,
            "width": sample.width,
            "height": sample.height,
            "md5": sample.md5,
            "image": f"{sample.md5}.{sample.ext}",
            "rating": words[sample.rating],
            "source": sample.source,
            "parent_id": sample.parent or 0,
            "tags": html.escape(" ".join(sample.words), quote=False).replace("'", "&#039;"),
            "has_notes": "false",
            "file_url": server.file_url(sample),
            "preview_url": server.file_url(sample),
            "sample_url": "",
            "status": "deleted" if sample.deleted else "active",
        }
        for sample in page
    ]
    envelope: dict[str, Any] = {"@attributes": {"limit": limit, "offset": start, "count": total}}
    return {**envelope, "post": posts} if posts else envelope


def _gelbooru02(server: "BoardServer", params: Params) -> Any:
    if params["s"] == "tag":
        name = params["name"]
        attributes = f'type="{TYPES[server.kind(name)]}" count="2" name={quoteattr(name)} ambiguous="false" id="1"'
        return f'<tags type="array"><tag {attributes}/></tags>'
    if params.get("json") != "1":
        return f'<posts count="{len(server.found(params["tags"]))}" offset="0"></posts>'
    page, _, _ = _gelbooru_page(server, params)
    words = {"g": "general", "s": "general", "q": "questionable", "e": "explicit"}
    return [
        {
            "preview_url": server.file_url(sample),
            "sample_url": server.file_url(sample),
            "file_url": server.file_url(sample),
            "directory": 539,
            "hash": sample.md5,
            "width": sample.width,
            "height": sample.height,
            "id": sample.id,
            "image": f"{sample.md5}.{sample.ext}",
            "change": sample.created,
            "owner": "danbooru",
            "parent_id": sample.parent or 0,
            "rating": words[sample.rating],
            "score": None,
            "tags": " ".join(sample.words),
            "source": sample.source,
            "status": "active",
        }
        for sample in page
    ]


def _philomena(server: "BoardServer", params: Params) -> Any:
    limit, page = min(50, int(params["per_page"])), int(params["page"])
    if server.most:
        limit = min(limit, server.most)
    found = server.found(params["q"])
    field, down = params.get("sf", "id"), params.get("sd", "desc") == "desc"
    if field in ("id", "score", "width", "height"):
        found = sorted(found, key=lambda sample: int(getattr(sample, field)), reverse=down)
    rating = {"g": "safe", "s": "suggestive", "q": "questionable", "e": "explicit"}
    images = [
        {
            "id": sample.id,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(sample.created)),
            "score": sample.score,
            "width": sample.width,
            "height": sample.height,
            "size": len(sample.data),
            "format": sample.ext,
            "sha512_hash": sample.sha512,
            "tags": [rating[sample.rating], *(word.replace("_", " ") for word in sample.words)],
            "representations": {"full": server.file_url(sample), "thumb": server.file_url(sample)},
            "view_url": server.file_url(sample),
            "source_url": sample.source,
            "hidden_from_users": sample.deleted,
            "processed": True,
            "thumbnails_generated": True,
        }
        for sample in _shown(server, found[(page - 1) * limit :][:limit])
    ]
    return {"images": images, "total": len(found), "interactions": []}


def _philomena_tags(server: "BoardServer", params: Params) -> Any:
    """`a b || c`: the tags so called, as far as any picture has them."""
    names = [part.strip().strip('"').replace("\\", "") for part in params["q"].split("||")]
    kinds = {"artist": "origin", "character": "character", "copyright": "content-official", "meta": "error"}
    tags = [
        {"name": name, "images": 1, "category": kinds.get(server.kind(name.replace(" ", "_"))), "aliased_tag": None}
        for name in names
    ]
    return {"tags": tags, "total": len(tags)}


def _zerochan(server: "BoardServer", params: Params, path: str) -> Any:
    tags = [unquote_plus(part).lower().replace(" ", "_") for part in path.strip("/").split(",") if part]
    found = [s for s in server.samples if not s.deleted and set(tags) <= {word.lower() for word in s.words}]
    limit = int(params["l"])
    if "o" in params:
        page = [sample for sample in found if sample.id < int(params["o"])][:limit]
    else:
        if int(params["p"]) > 100:
            raise Refused(403, "Past page 100")
        page = found[(int(params["p"]) - 1) * limit :][:limit]
    if not page and tags:
        raise Refused(404, "Nothing here")
    return {
        "items": [
            {
                "id": sample.id,
                "width": sample.width,
                "height": sample.height,
                "md5": sample.md5,
                "thumbnail": server.file_url(sample),
                "source": sample.source,
                "tag": sample.words[0].replace("_", " ").title(),
                "tags": [word.replace("_", " ").title() for word in sample.words],
            }
            for sample in _shown(server, page)
        ]
    }


def _count(server: "BoardServer", params: Params) -> int:
    return len(server.found(params["tags"]))


_SHAPES: dict[tuple[str, str], Callable[["BoardServer", Params], Any]] = {
    ("danbooru", "/posts.json"): _danbooru,
    ("danbooru", "/counts/posts.json"): lambda server, params: {"counts": {"posts": _count(server, params)}},
    ("danbooru", "/tags.json"): _danbooru_tags,
    ("danbooru", "/tag_aliases.json"): lambda server, params: [
        {"antecedent_name": name, "consequent_name": server.aliases[name], "status": "active"}
        for name in params["search[antecedent_name_comma]"].split(",")
        if name in server.aliases
    ],
    ("danbooru", "/profile.json"): lambda server, _: {"id": 1, "level": 30, "tag_query_limit": server.tag_limit},
    ("moebooru", "/post.json"): _moebooru,
    ("moebooru", "/post.xml"): lambda server, params: f'<posts count="{_count(server, params)}" offset="0"></posts>',
    ("e621", "/posts.json"): _e621,
    ("e621", "/posts/count.json"): lambda server, params: {"count": _count(server, params), "capped": False},
    ("gelbooru", "/index.php"): _gelbooru,
    ("gelbooru02", "/index.php"): _gelbooru02,
    ("philomena", "/api/v1/json/search/images"): _philomena,
    ("philomena", "/api/v1/json/search/tags"): _philomena_tags,
}
