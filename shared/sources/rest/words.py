"""The words by which APIs name what is not rows: failures, messages, signs of further pages."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_NOT_A_LETTER = re.compile(r"[^a-z0-9]")
_HARMLESS = {
    "",
    "0",
    "00",
    "000",
    "0000",
    "00000",
    "200",
    "ok",
    "success",
    "succeeded",
    "none",
    "null",
    "no",
    "false",
    "no error",
    "noerror",
    "n",
}

_STEMS = ("error", "err", "exception", "fault", "failure", "usererror", "odataerror")
_ABOUT = (
    *("s", "no", "number", "code", "codes", "message", "messages", "msg", "type", "text", "reason", "summary"),
    *("cause", "causes", "count", "found", "occurred", "list"),
)
ERRORS = frozenset(
    [
        *(one + stem + about for one in ("", "has", "is", "any") for stem in _STEMS for about in ("", *_ABOUT)),
        *("errordetail", "errordetails", "errordescription", "errorinfo", "errorscount", "numerrors", "faultstring"),
    ]
)
SUCCESS = frozenset(
    [
        *("success", "successful", "succeeded", "issuccess", "issuccessful", "ok", "isok"),
        *("authenticated", "isauthenticated", "authorized", "isauthorized", "loggedin", "isloggedin"),
    ]
)
FAILURE = frozenset(["failed", "isfailed", "hasfailed"])
"""Fields that say by `true` that something failed; as numbers they may count what a test or a shop has of it."""
STATUS = frozenset(["status", "state", "outcome", "result", "statustext", "responsestatus", "resultstatus"])
STATUS_CODES = frozenset(
    [
        "status",
        "statuscode",
        "httpstatus",
        "httpstatuscode",
        "httpcode",
        "code",
        "cod",
        "responsecode",
        "resultcode",
        "returncode",
        "retcode",
        "ret",
        "rc",
        "rspcode",
        "bizcode",
    ]
)
FAILED = frozenset(
    [
        "error",
        "errored",
        "err",
        "failure",
        "failed",
        "fail",
        "fault",
        "faulted",
        "ko",
        "nok",
        "notok",
        "exception",
        "unauthorized",
        "forbidden",
        "denied",
        "ratelimited",
        "ratelimitexceeded",
        "throttled",
        "timeout",
        "timedout",
        "aborted",
        "rejected",
        "invalid",
        "invalidrequest",
        "requestdenied",
        "overquerylimit",
        "overdailylimit",
        "unknownerror",
        "unavailable",
    ]
)
PARTLY = frozenset(
    [
        "timedout",
        "incompleteresults",
        "partial",
        "ispartial",
        "partialresults",
        "ispartialresult",
        "partialfailure",
        "partialfailures",
        "haspartialfailures",
        "partialsuccess",
    ]
)
PENDING = frozenset(
    [
        "pending",
        "queued",
        "enqueued",
        "processing",
        "running",
        "inprogress",
        "started",
        "accepted",
        "waiting",
        "notready",
        "preparing",
        "submitted",
        "scheduled",
        "notstarted",
        "initializing",
        "building",
        "working",
    ]
)
"""What a status says of something that is not ready yet."""
REPORT = frozenset(
    [
        "id",
        "jobid",
        "taskid",
        "requestid",
        "exportid",
        "status",
        "state",
        "progress",
        "percent",
        "percentage",
        "eta",
        "message",
        "url",
        "href",
        "link",
        "links",
        "location",
        "statusurl",
        "createdat",
        "created",
        "updatedat",
        "type",
    ]
)
"""The fields of an answer that is about a job of the API and no data."""
MESSAGES = frozenset(
    [
        "message",
        "messages",
        "msg",
        "detail",
        "details",
        "information",
        "info",
        "note",
        "notice",
        "reason",
        "warning",
        "resultmsg",
        "resultmessage",
        "returnmsg",
        "retmsg",
        "statusmessage",
        "statusmsg",
    ]
)
BESIDE_MESSAGES = (
    MESSAGES
    | ERRORS
    | SUCCESS
    | STATUS_CODES
    | frozenset(
        [
            "status",
            "type",
            "title",
            "description",
            "timestamp",
            "path",
            "requestid",
            "traceid",
            "correlationid",
            "documentationurl",
            "instance",
            "hint",
            "help",
            "moreinfo",
            "fields",
            "version",
            "date",
            "time",
        ]
    )
)
WRAPPERS = frozenset(
    [
        "meta",
        "metadata",
        "response",
        "result",
        "results",
        "data",
        "d",
        "status",
        "header",
        "responseheader",
        "head",
        "body",
        "info",
        "resultinfo",
        "responsestatus",
        "resultstatus",
        "envelope",
        "payload",
        "queryresult",
        "responsemetadata",
    ]
)
TOTAL = re.compile(
    r"count|total|(total|full|overall|all)(count|hits|results?|rows|records|items|elements|size|entries|matches|matching|"
    r"objects|available|found|number)|num(ber)?found|odatacount|(record|row|item|entry|result|hit|element|object)s?(count|total)"
    r"|records|hits|found|matche[sd]|of|total(num|nums|no)|nbhits|numresults|numrecords|numrows|numitems|recordsfiltered|totalitemscount|totalresultscount"
)
"""The number of all rows."""
IDS = frozenset(["id", "uuid", "guid", "key", "pk", "oid"])
_THROTTLED = re.compile(
    r"rate.?limit|too.?many|rate.?exceeded|requests?.?limit|throttl|"
    r"quota|slow.?down|temporar|try again|retry|time.?out|timed out|busy|unavailable|"
    r"maximum execution time|overload|capacity|limit of \d+ (requests|calls)|"
    r"(requests|calls) (a|per) (second|minute|hour|day)",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)  # the same few names come on every page
def word(name: str) -> str:
    """A field's name without case and punctuation: `hasMore`, `has_more` and `has-more` are one word."""
    return _NOT_A_LETTER.sub("", name.lower())


def is_harmless(value: Any) -> bool:
    """Whether the value of a field for errors says that there was none."""
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return all(is_harmless(one) and str(one).lower() != "no" for one in inner)
    return value is None or value is False or value == 0 or str(value).strip().lower().rstrip(".") in _HARMLESS


_GOOD_CODE = re.compile(r"\s*(0*|2\d\d|0*1|ok|success|successful|succeeded|true|none|a?0+)\s*", re.IGNORECASE)
_NO_ROWS = re.compile(
    r"no.?(data|records?|results?|rows?|content|items?|match|entr)|empty|nothing|zero|not.?found", re.I
)
_GOOD_WORDS = re.compile(r"success|\bok\b|normal|fine|成功", re.IGNORECASE)


def is_refusal(code: Any, said: Any) -> bool:
    """Whether a code beside no rows at all says that they were refused.

    Args:
        code: Its value; 0, 1, 200 and the like are good.
        said: The message beside it, which may say that all is well, or that there is just nothing.
    """
    if isinstance(code, (bool, dict, list)) or code is None:
        return False
    if _NO_ROWS.search(str(said or "")) or says_well(said):
        return False
    return not _GOOD_CODE.fullmatch(str(code)) or (str(code).strip().lstrip("0") == "1" and bool(said))


def says_well(said: Any) -> bool:
    """Whether a message says that all is well."""
    return bool(_GOOD_WORDS.search(str(said or "")))


def is_no(value: Any) -> bool:
    """Whether the value of a field like `success` says no."""
    return (
        value is False or value == 0 or (isinstance(value, str) and word(value) in {"false", "no", "n", "0"} | FAILED)
    )


def is_throttling(said: str) -> bool:
    """Whether a text speaks of something that passes by itself: too many requests, an overload, a time limit."""
    return bool(_THROTTLED.search(said))
