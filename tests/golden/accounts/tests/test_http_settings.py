"""Settings of the API, and how they depend on each other."""

import pytest

from accounts.settings import SettingsError, load_settings


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PORT", "9000")
    monkeypatch.setenv("APP_DOCS_ENABLED", "true")
    settings = load_settings()
    assert settings.port == 9000
    assert settings.docs_enabled


def test_the_grace_period_has_to_cover_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SHUTDOWN_GRACE_SECONDS", "1")
    with pytest.raises(SettingsError, match="APP_SHUTDOWN_GRACE_SECONDS"):
        load_settings()
