"""Settings of the worker, and how they depend on each other."""

import pytest

from invoices.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WORKER_RETRY_BASE_SECONDS", "301", "waits would not grow"),
        ("WORKER_STALL_SECONDS", "14", "taken for stuck"),
        ("WORKER_CONCURRENCY", "0", "APP_WORKER_CONCURRENCY"),
        ("WORKER_MAX_ATTEMPTS", "0", "APP_WORKER_MAX_ATTEMPTS"),
        ("WORKER_MAX_ATTEMPTS", "21", "set tasks aside without a reason"),
        ("QUEUE_MAX_DELIVERIES", "0", "APP_QUEUE_MAX_DELIVERIES"),
        ("QUEUE_VISIBILITY_SECONDS", "0", "APP_QUEUE_VISIBILITY_SECONDS"),
        ("QUEUE_MAX_MESSAGE_BYTES", "10", "APP_QUEUE_MAX_MESSAGE_BYTES"),
    ],
)
def test_what_could_not_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"APP_{name}", value)
    with pytest.raises(SettingsError, match=said):
        load_settings()
