"""An emulator of Azure Service Bus queues, for development and tests: AMQP 1.0 on loopback, in Python alone.

The SDKs of Azure talk to it with a connection string that says `UseDevelopmentEmulator=true`. Layers, each
knowing only the ones before it:

    codec, frames, message    AMQP 1.0 on the wire
    settings, broker          what queues do with messages; no input, no output, time from outside
    store                     queues across restarts
    management, links, connection, server, __main__

docs/guides/local-engines.md says where it differs from the real service.
"""
