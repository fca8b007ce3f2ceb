"""The container image: Dockerfile and .dockerignore."""
