"""Kubernetes manifests, as built from their overlays."""
