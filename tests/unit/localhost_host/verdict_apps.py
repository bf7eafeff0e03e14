"""Apps of one function each, written from the names in `worker_verdicts.csv`."""

from __future__ import annotations

_HEAD = """
from __future__ import annotations
import collections.abc
from typing import *
import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel

class M(BaseModel):
    x: int = 0
class TD(TypedDict):
    x: int
class NT(NamedTuple):
    x: int
NTy = NewType("NTy", dict)
Alias = dict[str, Any]
app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
"""
_ACTIVITY = '@app.activity_trigger(input_name="x")\n'
_TIMER = '@app.timer_trigger(arg_name="t", schedule="0 0 2 * * *")\n'
_CLIENT = '@app.durable_client_input(client_name="client")\n'
_BLOB = '@app.blob_trigger(arg_name="b", path="c/b", connection="S")\n'
_HTTP = '@app.route(route="r")\n'
_ORCHESTRATOR = '@app.orchestration_trigger(context_name="{name}")\ndef f({name}{annotation}):\n    yield None\n'
_SPECIAL = {
    "activity x without annotation": _ACTIVITY + "def f(x): pass",
    "activity parameter named otherwise": _ACTIVITY + "def f(y: dict): pass",
    "activity with one more parameter": _ACTIVITY + "def f(x: dict, y: int = 1): pass",
    "activity with context: func.Context": _ACTIVITY + "def f(x: dict, context: func.Context): pass",
    "activity with context: dict": _ACTIVITY + "def f(x: dict, context: dict): pass",
    "activity with context, no annotation": _ACTIVITY + "def f(x: dict, context): pass",
    "activity **kwargs": _ACTIVITY + "def f(x: dict, **more): pass",
    "async activity": _ACTIVITY + "async def f(x: dict): pass",
    "http, no annotations": _HTTP + "def f(req): pass",
    "http with keyword-only parameter": _HTTP + "def f(*, req: func.HttpRequest): pass",
    "orchestrator, name ctx": _ORCHESTRATOR.format(name="ctx", annotation=""),
    "two functions of one name": _HTTP.replace('"r"', '"a"')
    + "def f(req): pass\n"
    + '@app.function_name("other")\n@app.route(route="b")\ndef f(req): pass\n',
    "two functions, same function name": "".join(
        f'@app.function_name("same")\n@app.route(route="{route}")\ndef {route}(req): pass\n' for route in "ab"
    ),
    "import raises": 'raise ValueError("setting")',
    "no functions": "",
    "two apps in the file": "second = df.DFApp()",
}


def app_source(function: str) -> str:
    """The source of the app that a row's name describes."""
    return _HEAD + (_SPECIAL[function] if function in _SPECIAL else _body(function))


def _body(function: str) -> str:
    subject, returned, annotation = function.partition("-> ")
    if returned:
        head, name = (_ACTIVITY, "x") if subject.startswith("activity") else (_HTTP, "req")
        return f"{head}def f({name}) -> {annotation}: pass"
    subject, _, annotation = function.partition(": ")
    if subject.startswith("timer + client"):
        return f"{_TIMER}{_CLIENT}async def f(t: func.TimerRequest, client: {annotation}): pass"
    if subject == "orchestrator":
        return _ORCHESTRATOR.format(name="context", annotation=f": {annotation}")
    heads = {"activity x": (_ACTIVITY, "x"), "timer": (_TIMER, "t"), "blob": (_BLOB, "b"), "http": (_HTTP, "req")}
    head, name = heads[subject]
    return f"{head}def f({name}: {annotation}): pass"


KINDS = {
    "activity": _ACTIVITY + "def f(x: {}): pass",
    "activity ->": _ACTIVITY + "def f(x) -> {}: pass",
    "timer": _TIMER + "def f(t: {}): pass",
    "timer ->": _TIMER + "def f(t) -> {}: pass",
    "blob": _BLOB + "def f(b: {}): pass",
    "queue": '@app.queue_trigger(arg_name="q", queue_name="q", connection="S")\ndef f(q: {}): pass',
    "http": _HTTP + "def f(req: {}): pass",
    "http ->": _HTTP + "def f(req) -> {}: pass",
    "client": f"{_TIMER}{_CLIENT}async def f(t: func.TimerRequest, client: {{}}): pass",
    "context": _ACTIVITY + "def f(x, context: {}): pass",
    "orchestrator": _ORCHESTRATOR.format(name="context", annotation=": {}"),
}
"""Functions by what their annotation `{}` is of."""


def app_of(kind: str, annotation: str) -> str:
    """The source of an app with one function of that kind."""
    return _HEAD + KINDS[kind].format(annotation)
