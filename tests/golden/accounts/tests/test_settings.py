"""Settings from the environment, and what is said when they are wrong."""

import pytest

from accounts.__main__ import main
from accounts.settings import (
    Settings,
    SettingsError,
    load_settings,
    unknown_variables,
)
from accounts.startup import EX_CONFIG


def test_the_defaults_are_valid() -> None:
    assert load_settings() == Settings()


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_METRICS_PORT", "9000")
    monkeypatch.setenv("APP_TRUST_TRACE_CONTEXT", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    settings = load_settings()
    assert settings.metrics_port == 9000
    assert settings.trust_trace_context
    assert settings.otel_exporter_otlp_endpoint == "http://collector:4318"


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_METRICS_PORT", "")
    assert load_settings().metrics_port == Settings().metrics_port


def test_every_faulty_variable_is_named_but_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_METRICS_PORT", "hunter2")
    monkeypatch.setenv("APP_TRACE_SAMPLE_RATIO", "7")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert "APP_METRICS_PORT: " in message
    assert "APP_TRACE_SAMPLE_RATIO: " in message
    assert "hunter2" not in message


def test_misspelt_variables_are_found() -> None:
    environment = {"APP_LOGLEVEL": "x", "APP_LOG_LEVEL": "INFO", "HOME": "/"}
    assert unknown_variables(environment) == ["APP_LOGLEVEL"]


def test_a_wrong_configuration_ends_the_process_with_78(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APP_LOG_LEVEL", "LOUD")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == EX_CONFIG
    assert "APP_LOG_LEVEL" in capsys.readouterr().err
