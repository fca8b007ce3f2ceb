"""What surrounds every request, as plain ASGI.

Never Starlette's BaseHTTPMiddleware: it runs the application in another task through memory
streams, which triples the cost of a request and breaks context variables.
"""
