"""Tests of the service: real application, real sockets where it matters, nothing mocked."""
