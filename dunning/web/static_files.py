"""Our style sheets and scripts, read once, served under addresses that name their content."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file with the media type it is served as."""

    content: bytes
    media_type: str
    digest: str


def read_assets() -> dict[str, Asset]:
    """Return every file of the static folder by its name."""
    found = {}
    for path in files("dunning.web").joinpath("static").iterdir():
        suffix = path.name[path.name.rfind(".") :]
        if suffix in TYPES:
            content = path.read_bytes()
            found[path.name] = Asset(content, TYPES[suffix], hashlib.sha256(content).hexdigest()[:10])
    return found


ASSETS = read_assets()


def asset_url(name: str) -> str:
    """Return the address of a static file; it changes when the content does."""
    return f"/static/{ASSETS[name].digest}/{name}"


router = APIRouter(include_in_schema=False)


@router.get("/static/{digest}/{name}")
def static_file(digest: str, name: str) -> Response:
    """Serve one file; an address with today's digest may be kept for ever."""
    asset = ASSETS.get(name)
    if asset is None:
        raise HTTPException(404)
    fresh = digest == asset.digest
    headers = {"cache-control": "public, max-age=31536000, immutable" if fresh else "no-cache"}
    return Response(asset.content, media_type=asset.media_type, headers=headers)
