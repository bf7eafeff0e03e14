"""`GET /api/dashboard`: page, style and scripts of this folder as one answer that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from string import Template

from shared.dashboard.modules import joined_modules
from shared.errors.hints import HINTS

_FOLDER = Path(__file__).parent


def dashboard_page() -> tuple[bytes, dict[str, str]]:
    """The page and its headers; the same for every caller, so that it needs no key."""
    page, policy = _page()
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return page.encode(), headers


@cache
def _page() -> tuple[str, str]:
    """The page and its Content-Security-Policy, which lets the page's own content run and nothing else."""
    style = (_FOLDER / "style.css").read_text(encoding="utf-8")
    script = joined_modules(_FOLDER, "main")
    hints = json.dumps(HINTS).replace("<", "\\u003c")  # so that no text ends the element
    template = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",  # assigning text to innerHTML and the like throws
            "trusted-types 'none'",
        )
    )
    return template.substitute(style=style, script=script, hints=hints), policy


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
