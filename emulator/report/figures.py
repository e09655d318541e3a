"""A picture on the report page: an inline thumbnail over its caption."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image

from emulator.report.markup import Markup, element
from emulator.report.scoring import Picture

THUMBNAIL = 256


def figure(picture: Picture | None, path: str | None, caption: Sequence[tuple[str, str]]) -> Markup:
    """A thumbnail over its caption; links to the exact picture. Grey where nothing was decoded."""
    name = caption[0][0]
    shown = element("div", {"class": "empty"}) if picture is None else _thumbnail(picture, name)
    if path is not None and picture is not None:
        shown = element("a", {"href": path}, shown)
    lines = [element("b", {"title": name}, name), element("span", None, caption[0][1])]
    for left, right in caption[1:]:
        lines += [element("div", None, left), element("span", None, right)]
    return element("figure", None, shown, element("figcaption", None, *lines))


def _thumbnail(picture: Picture, name: str) -> Markup:
    """An inline image: WebP at most 256 pixels wide and high, lossless where the picture is tiny."""
    image = Image.fromarray(picture)
    tiny = max(image.size) <= 64
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", lossless=tiny, quality=90, method=2)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    attributes: dict[str, str | float] = {"src": f"data:image/webp;base64,{data}", "alt": name}
    return element(
        "img", attributes | {"width": image.width, "height": image.height} | ({"class": "small"} if tiny else {})
    )
