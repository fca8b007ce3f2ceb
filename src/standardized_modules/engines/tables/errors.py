"""What the service refuses, in its own words: clients decide by the code, and some by the message.

https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
"""


class TableError(Exception):
    """A refusal. With no text of its own it says what the service says."""

    status = 400
    code = "InvalidInput"
    message = "One of the request inputs is not valid."

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.message)


class InvalidInputError(TableError):
    """The request makes no sense."""


class InvalidResourceNameError(TableError):
    """No name for a table. The SDK recognises it by the message, which really is spelt like this."""

    code, message = "InvalidResourceName", "The specifed resource name contains invalid characters."


class PropertiesNeedValueError(TableError):
    """An entity without a key."""

    code, message = "PropertiesNeedValue", "The values are not specified for all properties in the entity."


class PropertyNameInvalidError(TableError):
    """No name for a property."""

    code, message = "PropertyNameInvalid", "The property name is invalid."


class PropertyValueTooLargeError(TableError):
    """A value over 64 KiB, or a key over 1 KiB."""

    code, message = "PropertyValueTooLarge", "The property value exceeds the maximum allowed size (64KB)."


class EntityTooLargeError(TableError):
    """An entity over 1 MiB."""

    code, message = "EntityTooLarge", "The entity is larger than the maximum allowed size (1MB)."


class TooManyPropertiesError(TableError):
    """More than 252 properties and the three that every entity has."""

    code, message = "TooManyProperties", "The entity contains more properties than allowed."


class DuplicatePropertiesError(TableError):
    """A name twice in one entity."""

    code, message = "DuplicatePropertiesSpecified", "A property is specified more than one time."


class OutOfRangeInputError(TableError):
    """A key with characters that keys must not have."""

    code, message = "OutOfRangeInput", "One of the request inputs is out of range."


class MissingHeaderError(TableError):
    """A header that the operation needs is not there."""

    code, message = "MissingRequiredHeader", "A required HTTP header was not specified."


class MissingLengthError(TableError):
    """A body whose end nobody knows."""

    status, code = 411, "MissingContentLengthHeader"
    message = "The Content-Length header was not specified."


class TooLargeError(TableError):
    """A body that is larger than any entity."""

    status, code = 413, "RequestBodyTooLarge"
    message = "The request body is too large and exceeds the maximum permissible limit."


class NoAuthenticationError(TableError):
    """Nobody signed the request."""

    status, code = 401, "NoAuthenticationInformation"
    message = "Server failed to authenticate the request: there is no signature of a shared key."


class AuthenticationFailedError(TableError):
    """Not signed with the account's key."""

    status, code = 403, "AuthenticationFailed"
    message = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature."
    )


class TableNotFoundError(TableError):
    """There is no such table."""

    status, code, message = 404, "TableNotFound", "The table specified does not exist."


class ResourceNotFoundError(TableError):
    """There is no such entity, or no such thing at all."""

    status, code, message = 404, "ResourceNotFound", "The specified resource does not exist."


class MethodNotAllowedError(TableError):
    """Nobody can do that with such a resource."""

    status, code, message = 405, "MethodNotAllowed", "The requested method is not allowed on the specified resource."


class TableAlreadyExistsError(TableError):
    """The table is there."""

    status, code, message = 409, "TableAlreadyExists", "The table specified already exists."


class EntityAlreadyExistsError(TableError):
    """The entity is there."""

    status, code, message = 409, "EntityAlreadyExists", "The specified entity already exists."


class ConditionError(TableError):
    """The entity has changed since its ETag was read."""

    status, code = 412, "UpdateConditionNotSatisfied"
    message = "The update condition specified in the request was not satisfied."


class NotImplementedHereError(TableError):
    """Table storage may know it, the emulator doesn't."""

    status, code, message = 501, "NotImplemented", "The emulator does not implement the requested operation."
