"""The generated worker against real engines: what it promises about messages, processes and time."""
