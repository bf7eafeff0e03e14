"""An xlsx archive of any program as the one form that the parser reads: Excel opens more forms than one.

Strict Open XML has other namespaces; some programs write part names in another case than they refer to them, or with
backslashes.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping

CONTENT_TYPES = "[Content_Types].xml"
_STRICT = b"http://purl.oclc.org/ooxml/"
_NAMESPACES = {
    b"http://purl.oclc.org/ooxml/spreadsheetml/main": b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    ),
}
"""ISO/IEC 29500-1 (Strict) and -4 (Transitional)."""
_REFERENCE = re.compile(rb"""\b(?:PartName|Target)\s*=\s*["']([^"']+)["']""")


def as_excel_reads(content: bytes) -> bytes:
    """The archive with transitional namespaces and with every part under the name by which it is referred to.

    Args:
        content: A zip archive that is not too large to be read.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {entry.filename.replace("\\", "/"): entry.filename for entry in archive.infolist()}
        found = {name.lower(): name for name in parts}
        workbook = found.get("xl/workbook.xml")
        is_strict = workbook is not None and _STRICT in archive.read(parts[workbook])
        wanted = [name for name in _references(archive, parts) if name not in parts and name.lower() in found]
        if not is_strict and not wanted and all(name == own for name, own in parts.items()):
            return content
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
            for name in [*parts, *dict.fromkeys(wanted)]:
                data = archive.read(parts[found[name.lower()]])
                for strict, transitional in _NAMESPACES.items() if is_strict else ():
                    data = data.replace(strict, transitional)
                target.writestr(name, data)
        return made.getvalue()


def _references(archive: zipfile.ZipFile, parts: Mapping[str, str]) -> Iterator[str]:
    """The names by which parts refer to each other."""
    yield from (CONTENT_TYPES, "_rels/.rels")
    for name, own in parts.items():
        is_relationships = name.lower().endswith(".rels")
        if name.lower() != CONTENT_TYPES.lower() and not is_relationships:
            continue
        folder = posixpath.dirname(posixpath.dirname(name)).lower() if is_relationships else ""
        for target in _REFERENCE.findall(archive.read(own)):
            text = target.decode(errors="replace")
            part = posixpath.normpath(text.lstrip("/") if text.startswith("/") else posixpath.join(folder, text))
            yield part
            yield posixpath.join(posixpath.dirname(part), "_rels", f"{posixpath.basename(part)}.rels")
