"""SQL Server's types: how SQLite holds values, and how types and values look on the wire.

In SQLite every family has one form, in which equal values are equal and order is SQL Server's: whole numbers and floats
as they are, decimals as 32 bytes (the value times 10**38, shifted to be positive), moments as 100 ns since the year 1,
datetimeoffset as eight bytes of UTC and two of minutes, guids as bytes in the order by which SQL Server compares them,
sql_variant as it is on the wire.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from .wire import Reader

EXACT = Context(prec=90)
BIAS = 1 << 255
UNIT = 10**38
DAY = 864_000_000_000
EPOCH_1900 = 693_595 * DAY
MAX = -1
DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
_FAMILIES = {
    "int": "bit tinyint smallint int bigint", "dec": "smallmoney money decimal numeric", "float": "real float",
    "char": "char varchar text nchar nvarchar ntext xml sysname", "bin": "binary varbinary image timestamp rowversion",
    "moment": "date smalldatetime datetime datetime2", "time": "time", "zoned": "datetimeoffset",
    "guid": "uniqueidentifier", "variant": "sql_variant", "udt": "hierarchyid geometry geography", "null": "null",
}  # fmt: skip
FAMILY = {name: family for family, names in _FAMILIES.items() for name in names.split()}
PRECEDENCE = {
    name: rank
    for rank, name in enumerate(
        [
            "null",
            "binary",
            "varbinary",
            "char",
            "varchar",
            "nchar",
            "nvarchar",
            "sysname",
            "uniqueidentifier",
            "timestamp",
            "image",
            "text",
            "ntext",
            "bit",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "smallmoney",
            "money",
            "numeric",
            "decimal",
            "real",
            "float",
            "time",
            "date",
            "smalldatetime",
            "datetime",
            "datetime2",
            "datetimeoffset",
            "xml",
            "hierarchyid",
            "geometry",
            "geography",
            "sql_variant",
        ]
    )
}
WHOLE = {
    "bit": (0, 1, 1), "tinyint": (0, 255, 1), "smallint": (-(1 << 15), (1 << 15) - 1, 2),
    "int": (-(1 << 31), (1 << 31) - 1, 4), "bigint": (-(1 << 63), (1 << 63) - 1, 8),
}  # fmt: skip
_DIGITS = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19, "money": 19, "smallmoney": 10}
FIXED = {
    "tinyint": 0x30, "bit": 0x32, "smallint": 0x34, "int": 0x38, "smalldatetime": 0x3A, "real": 0x3B, "money": 0x3C,
    "datetime": 0x3D, "float": 0x3E, "smallmoney": 0x7A, "bigint": 0x7F,
}  # fmt: skip
NULLABLE = {  # number on the wire, size
    "tinyint": (0x26, 1), "bit": (0x68, 1), "smallint": (0x26, 2), "int": (0x26, 4), "bigint": (0x26, 8),
    "smalldatetime": (0x6F, 4), "datetime": (0x6F, 8), "real": (0x6D, 4), "float": (0x6D, 8), "money": (0x6E, 8),
    "smallmoney": (0x6E, 4),
}  # fmt: skip
BY_SIZE = {number_and_size: name for name, number_and_size in NULLABLE.items()}
BY_FIXED = {number: name for name, number in FIXED.items()}
SYSTEM_TYPES = {
    "image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43,
    "tinyint": 48, "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61,
    "float": 62, "sql_variant": 98, "ntext": 99, "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122,
    "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173, "char": 175, "timestamp": 189, "nvarchar": 231,
    "nchar": 239, "xml": 241, "sysname": 231, "hierarchyid": 240, "geometry": 240, "geography": 240,
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A type; `length` counts bytes, of n-types characters, and is -1 for (max)."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    collation: str = ""

    @property
    def family(self) -> str:
        return FAMILY[self.name]

    @property
    def national(self) -> bool:
        return self.name in ("nchar", "nvarchar", "ntext", "sysname", "xml")

    @property
    def is_max(self) -> bool:
        return self.length == MAX or self.name in ("text", "ntext", "image", "xml")

    @property
    def bytes_long(self) -> int:
        """`max_length` of sys.columns."""
        if self.name in ("text", "ntext", "image"):
            return 16
        if self.is_max or self.name in ("geometry", "geography"):
            return -1
        if self.family == "char":
            return self.length * (2 if self.national else 1)
        if self.name in WHOLE:
            return WHOLE[self.name][2]
        if self.name in ("decimal", "numeric"):
            return decimal_bytes(self.precision)
        if self.name in ("time", "datetime2", "datetimeoffset"):
            return time_bytes(self.scale) + {"time": 0, "datetime2": 3, "datetimeoffset": 5}[self.name]
        fixed = {
            "real": 4, "float": 8, "money": 8, "smallmoney": 4, "date": 3, "datetime": 8, "smalldatetime": 4,
            "uniqueidentifier": 16, "timestamp": 8, "sql_variant": 8016, "hierarchyid": 892,
        }  # fmt: skip
        return fixed.get(self.name, self.length)

    @property
    def bytes_in_units(self) -> int:
        """The length as the type itself counts it."""
        return 8 if self.name == "timestamp" else self.length

    @property
    def digits(self) -> tuple[int, int]:
        """Precision and scale of a number in decimal arithmetic."""
        if self.name in ("decimal", "numeric"):
            return self.precision, self.scale
        return _DIGITS.get(self.name, 38), 4 if "money" in self.name else 0

    @property
    def shown(self) -> str:
        """The type as T-SQL writes it, which `parse_kind` reads."""
        if self.name in ("decimal", "numeric"):
            return f"{self.name}({self.precision},{self.scale})"
        if self.name in ("time", "datetime2", "datetimeoffset"):
            return f"{self.name}({self.scale})"
        if self.name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
            return f"{self.name}({'max' if self.length == MAX else self.length})"
        return self.name

    def with_collation(self, collation: str) -> Kind:
        return replace(self, collation=collation)


NULL, INT, BIGINT, BIT, FLOAT = Kind("null"), Kind("int"), Kind("bigint"), Kind("bit"), Kind("float")
LONG_TEXT = Kind("nvarchar", MAX)
SYSNAME, DATETIME = Kind("nvarchar", 128), Kind("datetime")
_TYPE = re.compile(r"\s*(\[?[\w.\]\[ ]+?\]?)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.ASCII)
_SYNONYMS = {
    "integer": "int", "dec": "decimal", "character": "char", "rowversion": "timestamp", "national character": "nchar",
    "national char": "nchar", "character varying": "varchar", "char varying": "varchar", "binary varying": "varbinary",
    "national char varying": "nvarchar", "national character varying": "nvarchar", "national text": "ntext",
    "double precision": "float", "sysname": "nvarchar",
}  # fmt: skip


@lru_cache(maxsize=2000)
def parse_kind(text: str, unsized: int = 1) -> Kind | None:
    """A type as T-SQL writes it; `unsized` is the length of one without, which is 30 in a cast. None: no such type."""
    found = _TYPE.fullmatch(text)
    if not found:
        return None
    name = found[1].replace("[", "").replace("]", "").lower().removeprefix("sys.")
    name = " ".join(name.split())
    if name == "sysname":
        return SYSNAME
    name = _SYNONYMS.get(name, name)
    if name not in FAMILY or name == "null":
        return None
    first = MAX if (found[2] or "").lower() == "max" else int(found[2]) if (found[2] or "").isdigit() else None
    second = int(found[3]) if found[3] else None
    if name == "float":
        return Kind("real") if first is not None and first <= 24 else FLOAT
    if name in ("decimal", "numeric"):
        return Kind(name, precision=18 if first is None else first, scale=second or 0)
    if name in ("time", "datetime2", "datetimeoffset"):
        return Kind(name, scale=7 if first is None else first)
    if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        return Kind(name, unsized if first is None else first)
    return Kind(name)


# --- values in SQLite ------------------------------------------------------------------------------------------------


def decimal_stored(unscaled: int, scale: int) -> bytes:
    stored: int = unscaled * 10 ** (38 - scale) + BIAS
    return stored.to_bytes(32, "big")


def decimal_unscaled(stored: bytes, scale: int) -> int:
    """The number times 10**scale, rounded half away from zero."""
    return rescaled(int.from_bytes(stored, "big") - BIAS, 38, scale)


def rescaled(unscaled: int, scale: int, wanted: int) -> int:
    if wanted >= scale:
        return unscaled * int(10 ** (wanted - scale))
    unit = int(10 ** (scale - wanted))
    quotient, rest = divmod(abs(unscaled), unit)
    quotient += 2 * rest >= unit
    return -quotient if unscaled < 0 else quotient


def guid_stored(value: uuid.UUID) -> bytes:
    raw = value.bytes
    return raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4]


def guid_value(stored: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=stored[12:16] + stored[10:12] + stored[8:10] + stored[6:8] + stored[:6])


def zoned_stored(utc: int, minutes: int) -> bytes:
    return struct.pack(">qh", utc, minutes)


def zoned_value(stored: bytes) -> tuple[int, int]:
    """Ticks of UTC and minutes east of it."""
    utc, minutes = struct.unpack(">qh", stored)
    return utc, minutes


# --- collations and sizes --------------------------------------------------------------------------------------------


@lru_cache(maxsize=500)
def collation_bytes(name: str) -> bytes:
    """The five bytes that identify a collation."""
    name = name or DEFAULT_COLLATION
    folded = name.upper()
    language = 0x0407 if folded.startswith(("GERMAN", "SQL_GERMAN")) else 0x0409
    flags = 0
    if folded.endswith(("_BIN2", "_BIN2_UTF8")):
        flags = 1 << 25
    elif folded.endswith("_BIN"):
        flags = 1 << 24
    else:
        flags |= (1 << 20) * ("_CI" in folded) | (1 << 21) * ("_AI" in folded)
        flags |= (1 << 22) * ("_KS" not in folded) | (1 << 23) * ("_WS" not in folded)
    flags |= (1 << 26) * folded.endswith("UTF8")
    version = next((number for text, number in (("_100_", 2), ("_140_", 3), ("_90_", 1)) if text in folded), 0)
    sort = {"SQL_LATIN1_GENERAL_CP1_CI_AS": 52, "SQL_LATIN1_GENERAL_CP1_CS_AS": 51}.get(folded, 0)
    return struct.pack("<IB", language | flags | version << 28, sort)


def encoding_of(collation: str) -> str:
    return "utf-8" if collation.upper().endswith("UTF8") else "cp1252"


def encoding_on_wire(collation: bytes) -> str:
    return "utf-8" if int.from_bytes(collation[:4], "little") & 1 << 26 else "cp1252"


def decimal_bytes(precision: int) -> int:
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def time_bytes(scale: int) -> int:
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


# --- to the wire -----------------------------------------------------------------------------------------------------


# --- from the wire ---------------------------------------------------------------------------------------------------


ReadValue = Callable[[Reader], Any]


def decimal_value(stored: bytes, scale: int) -> Decimal:
    return Decimal(decimal_unscaled(stored, scale)).scaleb(-scale, EXACT)
