"""Log lines are JSON, one a line, and say what they belong to."""

import logging
from collections.abc import Callable

from ledgers.context import log_context
from tests.observing import Lines


def test_an_entry_has_context_fields_and_one_line(start: Callable[[], Lines]) -> None:
    lines = start()
    token = log_context.set({"request_id": "r1"})
    logging.getLogger("shop").warning("odd\n{}", extra={"order": 7})
    log_context.reset(token)
    [entry] = lines.read("shop")
    assert entry["message"] == "odd\n{}"
    assert (entry["level"], entry["request_id"], entry["order"]) == ("WARNING", "r1", 7)
    assert str(entry["timestamp"]).endswith("+00:00")


def test_an_exception_brings_its_stack(start: Callable[[], Lines]) -> None:
    lines = start()
    try:
        dict[str, str]()["gone"]
    except KeyError:
        logging.getLogger("shop").exception("failed")
    [entry] = lines.read("shop")
    assert entry["error_type"] == "KeyError"
    assert "gone" in str(entry["stack"])
