"""The yardstick of web_api.py: the service's own routes on FastAPI with nothing around them.

python web_api_bare.py PORT PACKAGE
"""

import importlib
import sys

import uvicorn
from fastapi import FastAPI

if __name__ == "__main__":
    port, package = int(sys.argv[1]), sys.argv[2]
    app = FastAPI()
    importlib.import_module(f"{package}.routes").include_routes(app, None)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
