"""Workbooks by the thousand: good ones whose parts, cells and archive were changed in ways that no program writes."""

from __future__ import annotations

import io
import random
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from xml.sax.saxutils import escape

from shared.workbook.configuration import Report
from shared.workbook.documentation import facts
from shared.workbook.sheets import SHEETS
from shared.workbook.template import template
from tests.builders import a_workbook
from tests.filters import ATTACKS

Parts = list[tuple[str, bytes]]
"""The files of an archive, by their names; a name may come twice."""

_NUMBERS = ("-1", "0", "1", "16384", "1048576", "1048577", "4294967296", "1e308", "1e400", "-0", "NaN", "0x10", "")
_WORDS = [word for spec in SHEETS for column in spec.columns for word in facts(spec, column)]
_NAMES = [column.name for spec in SHEETS for column in spec.columns]
_VALUES = (
    *(
        "",
        " ",
        "NULL",
        "None",
        "TRUE",
        "0",
        "-1",
        "1e400",
        "007",
        "2024-13-45",
        "2999-01-01",
        "#REF!",
        "=1+1",
        "*",
        "**",
    ),
    *("_x000D_", "_x0000_", "_xD800_", "a\u202eb", "\u00a0", "\ufeffjob", "e\u0301", "\U0001f600", "'", '"', "`", "\\"),
    *(
        "../..",
        "//",
        "a//b",
        ".",
        "a?b#c",
        "%2e%2e",
        "http://169.254.169.254/",
        "a:text,",
        ":text",
        "a:b:c",
        "a:decimal(99,99)",
    ),
    *(
        '{"a":',
        "[]",
        "{}",
        '{"a":{"b":[1,{"c":null}]}}',
        "a=1&a=2",
        "&&&",
        "=",
        "{{x}}",
        "{start}",
        "{each}",
        "{0.__class__}",
    ),
    *(
        "*/0 * * * *",
        "60 24 32 13 8",
        "@reboot",
        "0 0 30 2 *",
        "L W #",
        "25:00-26:00",
        "now/now/now",
        "a/b/c",
        "1/1/0d",
    ),
    *("x" * 40_000, "," * 30_000, "(" * 5_000, "*a" * 200, "a," * 5_000, "é" * 300, "not " * 2_000, "9" * 4_000),
    *ATTACKS,
)
_TAGS = (
    *(
        '<c r="A1"/>',
        '<c r="XFD1048576" t="s"><v>99999999</v></c>',
        '<c t="b"><v>2</v></c>',
        '<c t="e"><v>#N/A</v></c>',
    ),
    *('<c t="d"><v>2024-01-01T99:00</v></c>', '<c t="n"><v>abc</v></c>', '<c s="99999"><v>1</v></c>', '<c t="zz"/>'),
    *(
        '<c><f t="shared" si="0"/></c>',
        '<c><f t="array" ref="A1:XFD9">1</f></c>',
        '<row r="0"/>',
        '<row r="-5"><c/></row>',
    ),
    *(
        '<row r="9999999"/>',
        '<mergeCell ref="A1:B2"/>',
        '<mergeCell ref="B2:A1"/>',
        '<mergeCell ref="1:1"/>',
        "<mergeCell/>",
    ),
    *("<si/>", "<si><t/></si>", "<si><r><t>a</t></r><r/></si>", '<sheet name="SourceConfig" sheetId="1" r:id="rId1"/>'),
    *(
        '<sheet name="" sheetId="x"/>',
        "<xf/>",
        '<xf numFmtId="-1"/>',
        '<workbookPr date1904="1"/>',
        "<!-- x -->",
        "<?x y?>",
    ),
    *(
        '<definedName name="x">#REF!</definedName>',
        '<dataValidation sqref="A"/>',
        '<hyperlink ref="A0"/>',
        "<v/>",
        "<t/>",
    ),
    *(
        "<![CDATA[<c/>]]>",
        "&amp;",
        "&lol;",
        "&#0;",
        "&#xD800;",
        "&#x202e;",
        "\x00",
        "\ufffe",
        "<a:b/>",
        "</c>",
        "<",
        ">",
    ),
    *(
        "<row>" * 80,
        "<c/>" * 3000,
        "<!DOCTYPE x>",
        '<col min="1" max="99999999"/>',
        '<pane ySplit="x"/>',
        "<sheetView/>",
    ),
)


@cache
def _good() -> tuple[bytes, ...]:
    """Workbooks that are valid, or nearly so, with everything in them that the sheets know."""
    rows: Sequence[dict[str, object]] = (
        {"load_type": "INCREMENTAL", "watermark_column": "id", "query_filter": "id > 1", "primary_key": "id"},
        {
            "source_type": "API",
            "source_name": "web",
            "api_endpoint": "/x",
            "api_params": "a=1",
            "schedule": "0 2 * * *",
        },
        {"source_type": "MSSQL", "source_name": "erp", "column_types": "a:text", "last_watermark": "2024-01-01"},
        {
            "source_type": "Oracle",
            "source_name": "ora",
            "table_format": "delta",
            "partition_by": "a",
            "load_type": "INCR",
        },
    )
    sources = [{"source_name": "web", "max_concurrent_jobs": 2, "quiet_hours": "07:00-19:00 UTC"}]
    requests = [{"request_id": "r1", "job_id": "job_1", "action": "run"}]
    return template(), a_workbook(*rows, sources=sources, requests=requests), a_workbook({}, {"enabled": "N"})


def mutant(number: int) -> bytes:
    """The workbook of that number: the same one every time."""
    chance = random.Random(number)
    content = chance.choice(_good())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts: Parts = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        chance.choice(_CHANGES)(parts, chance)
    changed = _zipped(parts, chance)
    return _torn(changed, chance) if chance.random() < 0.05 else changed


def unforeseen(report: Report) -> list[str]:
    """Problems that no rule found: something was raised while a cell, a row or the file was judged."""
    raised = re.compile(r"cannot be judged|cannot be read as .* \(\w+\)")
    return [str(problem) for problem in (*report.problems, *report.warnings) if raised.search(str(problem))]


def _zipped(parts: Parts, chance: random.Random) -> bytes:
    output = io.BytesIO()
    method = chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    compression = method if chance.random() < 0.1 else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(output, "w", compression, compresslevel=1) as new, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that comes twice
        for place, (name, part) in enumerate(parts):
            if name not in {earlier for earlier, _ in parts[:place]} or chance.random() < 0.5:
                new.writestr(name, part)
    return output.getvalue()


def _torn(content: bytes, chance: random.Random) -> bytes:
    """The archive itself cut, flipped, or with something before or after it."""
    at, end = sorted(chance.randrange(len(content)) for _ in range(2))
    flipped = bytes([content[at] ^ chance.randrange(1, 256)])
    made = (
        content[:at],
        content[:at] + content[end:],
        content[:at] + flipped + content[at + 1 :],
        content[:at] + content[at:end] + content[at:],
        b"x" * at + content,
        content + content,
    )
    return chance.choice(made)


def _some_part(parts: Parts, chance: random.Random) -> int:
    """The place of a part; of a sheet, the texts or the workbook in most cases."""
    significant = [n for n, (name, _) in enumerate(parts) if re.search(r"sheet\d|sharedStrings|workbook\.xml", name)]
    return chance.choice(significant) if significant and chance.random() < 0.7 else chance.randrange(len(parts))


def _edit(parts: Parts, chance: random.Random, change: Callable[[str], str]) -> None:
    place = _some_part(parts, chance)
    name, part = parts[place]
    parts[place] = name, change(part.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _a_value(parts: Parts, chance: random.Random) -> None:
    """Another text between two tags: a cell's value, a name, a formula."""
    texts = (*_VALUES, *_WORDS, *_NAMES, *_NUMBERS)

    def change(text: str) -> str:
        found = list(re.finditer(r">([^<]+)<", text))
        if not found:
            return text
        one = chance.choice(found)
        return text[: one.start(1)] + escape(chance.choice(texts)) + text[one.end(1) :]

    _edit(parts, chance, change)


def _an_attribute(parts: Parts, chance: random.Random) -> None:
    values = (*_NUMBERS, *_VALUES, "A1", "A1:XFD1048576", "b", "d", "e", "s", "str", "inlineStr", "rId99", "hidden")

    def change(text: str) -> str:
        found = list(re.finditer(r'\b([\w:]+)="([^"]*)"', text))
        if not found:
            return text
        one = chance.choice(found)
        value = escape(chance.choice(values), {'"': "&quot;"})
        return (
            text[: one.start()]
            + chance.choice((f'{one[1]}="{value}"', "", f'zz{one[1]}="{value}"'))
            + text[one.end() :]
        )

    _edit(parts, chance, change)


def _a_tag(parts: Parts, chance: random.Random) -> None:
    """Something between two elements that should not be there."""

    def change(text: str) -> str:
        ends = [one.end() for one in re.finditer(r">", text)] or [0]
        at = chance.choice(ends)
        return text[:at] + chance.choice(_TAGS) + text[at:]

    _edit(parts, chance, change)


def _an_element(parts: Parts, chance: random.Random) -> None:
    """An element is left out, comes many times, or takes another's place."""

    def change(text: str) -> str:
        found = list(re.finditer(r"<(\w+)\b[^<>]*/>|<(\w+)\b[^<>]*>[^<>]*</\2>", text))
        if not found:
            return text
        one, other = chance.choice(found), chance.choice(found)
        new = chance.choice(("", one[0] * chance.choice((2, 50, 2000)), other[0], f"<row>{one[0]}</row>"))
        return text[: one.start()] + new + text[one.end() :]

    _edit(parts, chance, change)


def _bytes(parts: Parts, chance: random.Random) -> None:
    place = _some_part(parts, chance)
    name, part = parts[place]
    flipped = bytearray(part or b"x")
    for _ in range(chance.choice((1, 3, 10))):
        flipped[chance.randrange(len(flipped))] ^= chance.randrange(1, 256)
    at, end = sorted(chance.randrange(len(part) + 1) for _ in range(2))
    parts[place] = name, chance.choice((bytes(flipped), part[:at], part[:at] + part[end:], part[:end] + part[at:], b""))


def _encoding(parts: Parts, chance: random.Random) -> None:
    place = _some_part(parts, chance)
    name, part = parts[place]
    text = part.decode("utf-8", "replace")
    spelled = chance.choice(("utf-16", "utf-7", "latin-1", "utf-32", "cp500", "idna", "x-none"))
    declared = re.sub(r'encoding="[^"]*"', f'encoding="{spelled}"', text, count=1)
    parts[place] = name, declared.encode(chance.choice(("utf-8", "utf-16", "utf-16-be", "utf-8-sig")), "replace")


def _a_name(parts: Parts, chance: random.Random) -> None:
    place = _some_part(parts, chance)
    name, part = parts[place]
    other = parts[chance.randrange(len(parts))][0]
    names = (name.upper(), name.replace("/", "\\"), f"/{name}", f"../{name}", name + ".bin", other, "a" * 300, "x\ty")
    parts[place] = chance.choice(names), part


def _parts(parts: Parts, chance: random.Random) -> None:
    """A part is gone, comes twice, or has the content of another."""
    one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
    action = chance.randrange(4)
    if action == 0 and len(parts) > 1:
        del parts[one]
    elif action == 1:
        parts.append(parts[one])
    elif action == 2:
        parts[one] = parts[one][0], parts[other][1]
    else:
        parts.append((f"xl/worksheets/sheet{chance.choice(_NUMBERS)}.xml", parts[one][1]))


_CHANGES = (
    _a_value,
    _a_value,
    _a_value,
    _an_attribute,
    _an_attribute,
    _a_tag,
    _an_element,
    _bytes,
    _encoding,
    _a_name,
    _parts,
)
