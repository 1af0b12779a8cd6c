"""Too many requests are refused in the five recorded forms, and one that nobody has seen
(docs/vast-api.md H).
"""

import math

from .replies import Refusal, refusal

TOO_OFTEN = "API requests too frequent"


def too_many_plain(threshold: float = 4.5) -> Refusal:
    """Form 1 is that of the official page."""
    return Refusal(429, f"{TOO_OFTEN}: endpoint threshold={threshold}")


def too_many_detail(threshold: float = 4.5) -> Refusal:
    """Form 2 is that of the specification."""
    return Refusal(429, {"detail": f"{TOO_OFTEN} endpoint threshold={threshold}"})


def too_many_code() -> Refusal:
    """Form 3 is that of some endpoints."""
    return refusal(429, "rate_limit_exceeded", TOO_OFTEN)


def too_many_json(wait: float = 10, limit: float = 5.0, now: float = 0) -> Refusal:
    """Form 4 is seen live: it states the wait in the body and in Retry-After."""
    seconds = max(1, math.ceil(wait))
    body = {
        "error": "HTTPTooManyRequests",
        "msg": TOO_OFTEN,
        "retry_after": seconds,
        "limit": limit,
        "remaining": 0,
    }
    headers = {
        "Retry-After": str(seconds),
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(math.ceil(now + seconds)),
    }
    return Refusal(429, body, headers)


def too_many(form: str, wait: float, limit: float, now: float) -> Refusal:
    """One of the four forms by name: plain, detail, code or json."""
    match form:
        case "plain":
            return too_many_plain(limit)
        case "detail":
            return too_many_detail(limit)
        case "code":
            return too_many_code()
        case "json":
            return too_many_json(wait, limit, now)
        case _:
            raise ValueError(f"no form of 429 {form!r}; one of plain, detail, code, json")


def too_many_quota(now: float = 0, rows: int = 20_000) -> Refusal:
    """Form 5 is about the search quota, which comes back at midnight UTC."""
    reset = _midnight_after(now)
    body = {
        "error": "search_quota_exceeded",
        "msg": "Search quota exceeded",
        "limit": rows,
        "remaining": 0,
        "retry_after": reset - int(now),
    }
    return Refusal(429, body, {"X-RateLimit-Reset": str(reset)})


def _midnight_after(now: float) -> int:
    return (int(now) // 86_400 + 1) * 86_400


def too_many_unknown() -> Refusal:
    """A sixth form is one that nobody has recorded: no client may take it for one of the five."""
    return Refusal(429, {"status": "busy"})
