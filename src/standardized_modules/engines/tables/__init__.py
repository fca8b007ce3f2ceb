"""An emulator of Azure Table storage, for development and tests: its REST API on loopback, in Python alone.

The SDKs of Azure talk to it with the connection string of the well-known development account. Layers, each knowing
only the ones before it:

    errors, edm, filters      what is said: refusals, typed properties, $filter
    store                     what tables do with entities; no input, no output, time from outside
    http, keys                requests, and who signed them
    service, server, __main__

Everything is in memory and ends with the process. docs/guides/local-engines.md says where it differs from the service.
"""
