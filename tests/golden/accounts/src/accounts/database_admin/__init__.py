"""What only jobs do, before a rollout or by a schedule: roles, passwords and who may hold them.

The service itself never imports it.
"""
