"""What the service needs beside itself, on this machine. For development: never in the image."""
