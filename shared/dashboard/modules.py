"""ES modules joined into one script, so that a page of many modules is one answer.

Each becomes a function that is called once, after those it imports: it keeps its own scope and gives back what it
exports.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import (?P<names>\{[^}]*\}) from "\./(?P<module>[a-z_]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (?P<name>\w+))", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined_modules(folder: Path, entry: str) -> str:
    """The module `entry` and all that it imports, each once and after what it imports itself.

    Raises:
        ValueError: an import or export has a form that is not joined, or modules import each other in a circle.
    """
    parts: dict[str, str] = {}
    _join(folder, entry, parts, ())
    return "\n".join(parts.values())


def _join(folder: Path, name: str, parts: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"{name}.js imports itself by way of {' → '.join(above)}")
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    for found in _IMPORT.finditer(text):
        if found["module"] not in parts:
            _join(folder, found["module"], parts, (*above, name))
    exports = ", ".join(found["name"] for found in _EXPORT.finditer(text))
    body = _EXPORT.sub("", _IMPORT.sub(r"const \g<names> = \g<module>Module;", text))
    if left := _LEFT_OVER.search(body):
        raise ValueError(
            f"{name}.js: '{left[0]}' is neither `import {{ a, b }} from \"./name.js\";` nor "
            "`export` before function, const or class"
        )
    parts[name] = f"const {name}Module = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"
