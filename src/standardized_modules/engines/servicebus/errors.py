"""What the broker refuses, in the words of the protocol."""


class BrokerError(Exception):
    """A refusal, with the condition by which clients recognise it and the status that management answers carry."""

    condition = "amqp:internal-error"
    status = 500


class NotFoundError(BrokerError):
    """There is no such queue."""

    condition, status = "amqp:not-found", 404


class NotAllowedError(BrokerError):
    """The queue's settings rule it out."""

    condition, status = "amqp:not-allowed", 400


class MessageNotFoundError(BrokerError):
    """There is no such message in the state that is asked for."""

    condition, status = "com.microsoft:message-not-found", 404


class MessageLockLostError(BrokerError):
    """The lock has expired, or the message is settled."""

    condition, status = "com.microsoft:message-lock-lost", 410


class SessionLockLostError(BrokerError):
    """The lock of the session has expired, or somebody else's link holds it."""

    condition, status = "com.microsoft:session-lock-lost", 410


class SessionCannotBeLockedError(BrokerError):
    """Another receiver holds the session."""

    condition, status = "com.microsoft:session-cannot-be-locked", 410


class SessionTimeoutError(BrokerError):
    """No session became available."""

    condition, status = "com.microsoft:timeout", 408


class MessageTooLargeError(BrokerError):
    """A message is larger than the tier takes."""

    condition, status = "amqp:link:message-size-exceeded", 400


class ArgumentError(BrokerError):
    """The request makes no sense."""

    condition, status = "com.microsoft:argument-error", 400


class NotImplementedHereError(BrokerError):
    """Service Bus may know the operation, the emulator doesn't."""

    condition, status = "amqp:not-implemented", 501
