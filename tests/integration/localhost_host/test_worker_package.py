"""The stand-in's load rules against the worker's own library: the table of verdicts, and signatures beyond it."""

from __future__ import annotations

import csv
import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest

from localhost.host.worker.app import load_functions
from tests.unit.localhost_host.verdict_apps import KINDS, app_of, app_source
from tests.worker_package import WorkerPackage, worker_package

ROOT = Path(__file__).parents[3]
VERDICTS = list(csv.DictReader((ROOT / "tests/fixtures/worker_verdicts.csv").read_text(encoding="utf-8").splitlines()))

ANNOTATIONS = [
    *("dict", "Dict", "Dict[str, Any]", "dict[str, Any]", "list", "List[Any]", "Any", "object", "str", "bytes", "int"),
    *("bytearray", "Type[int]", "type[int]", "Iterable", "Iterable[int]", "Sequence[int]", "FrozenSet", "Deque[int]"),
    *("Generator[int, None, None]", "ClassVar[int]", "Final[int]", "Optional[str]", "Union[str, int]", "Union[str]"),
    *("Annotated[Dict[str, Any], 1]", "Annotated[dict[str, Any], 1]", "Literal[1, 2]", "None", "NoReturn", "Never"),
    *("Self", "LiteralString", "TypeVar('T')", "IO[str]", "TextIO", "Pattern[str]", "collections.abc.Callable"),
    *(
        "Callable[[int], int]",
        "Tuple",
        "Tuple[()]",
        "tuple",
        "Required[int]",
        "M",
        "TD",
        "NT",
        "NTy",
        "Alias",
        "'dict'",
    ),
    *("func.TimerRequest", "func.InputStream", "func.HttpRequest", "func.HttpResponse", "func.QueueMessage"),
    *("func.Context", "func.Out", "func.Out[str]", "df.DurableOrchestrationClient", "df.DurableOrchestrationContext"),
    *("float", "int | str", "M | None", "list[M]", "List[M]", "type(None)", "...", "1", "Hashable", "Concatenate"),
]


@pytest.fixture(scope="module")
def package() -> WorkerPackage:
    return worker_package()


def test_the_library_gives_the_verdicts_that_the_stand_in_gives(package: WorkerPackage, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(len(VERDICTS))]
    for folder, row in zip(folders, VERDICTS, strict=True):
        folder.mkdir()
        (folder / "function_app.py").write_text(app_source(row["function"]))
    verdicts = zip(VERDICTS, package.verdicts(*folders), strict=True)
    differing = {row["function"]: said for row, said in verdicts if isinstance(said, int) != (row["verdict"] == "ok")}
    assert differing == {}


def test_the_library_and_the_stand_in_agree_on_every_annotation_in_every_place(
    package: WorkerPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = {(kind, annotation): app_of(kind, annotation) for kind, annotation in itertools.product(KINDS, ANNOTATIONS)}
    folders = [tmp_path / str(number) for number in range(len(apps))]
    for folder, source in zip(folders, apps.values(), strict=True):
        folder.mkdir()
        (folder / "function_app.py").write_text(source)
    verdicts = dict(zip(apps, package.verdicts(*folders), strict=True))
    assert 300 < sum(isinstance(said, int) for said in verdicts.values()) < len(apps) - 300
    differing = {}
    for key, source in apps.items():
        ours = _stand_in_verdict(source, monkeypatch)
        if isinstance(ours, int) != isinstance(verdicts[key], int):
            differing[key] = (ours, verdicts[key])
    assert differing == {}


def _stand_in_verdict(source: str, monkeypatch: pytest.MonkeyPatch) -> int | str:
    module = ModuleType("function_app")
    monkeypatch.setitem(sys.modules, "function_app", module)  # where annotations are looked up
    try:
        exec(compile(source, "function_app.py", "exec"), vars(module))
        return len(load_functions(module))
    except Exception as error:
        return str(error)
