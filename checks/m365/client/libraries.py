"""The libraries of Microsoft, loaded when the collection starts and never before.

They are an optional extra. In raw mode, msgraph-sdk only adds a constructor to the adapter of msgraph-core, which is
what is used when the 390 MB of typed models are not installed.
"""

from __future__ import annotations

import importlib
from typing import Any

import msgspec

from checks.model import CollectError, Reason

NEEDED = ("azure.identity", "msgraph_core", "kiota_http", "kiota_abstractions", "httpx", "requests", "certifi")


class Libraries(msgspec.Struct, frozen=True, kw_only=True):
    """What this sub-package uses of them."""

    httpx: Any
    requests: Any
    identity: Any
    """`azure.identity`"""
    errors: Any
    """`azure.core.exceptions`"""
    requests_transport: Any
    """`azure.core.pipeline.transport.RequestsTransport`"""
    certifi: Any
    adapter: Any
    """Class of the Graph request adapter, called with an authentication provider and an httpx client."""
    request_information: Any
    method: Any
    native_handler: Any
    handler_option: Any


def load() -> Libraries:
    """Import them. Raises `CollectError` (unsupported) when the extra is not installed."""
    try:
        return _load()
    except ImportError as error:
        detail = (
            "Les bibliothèques de Microsoft 365 ne sont pas installées "
            f"({error.name or 'inconnue'}) : installer l'option « m365 » d'Ausculte, ou juger des fichiers exportés "
            "avec import_files."
        )
        raise CollectError(Reason.UNSUPPORTED, detail) from error


def _load() -> Libraries:
    get = importlib.import_module
    return Libraries(
        httpx=get("httpx"),
        requests=get("requests"),
        identity=get("azure.identity"),
        errors=get("azure.core.exceptions"),
        requests_transport=get("azure.core.pipeline.transport").RequestsTransport,
        certifi=get("certifi"),
        adapter=_adapter(),
        request_information=get("kiota_abstractions.request_information").RequestInformation,
        method=get("kiota_abstractions.method").Method,
        native_handler=get("kiota_abstractions.native_response_handler").NativeResponseHandler,
        handler_option=get("kiota_http.middleware.options").ResponseHandlerOption,
    )


def _adapter() -> Any:
    """`GraphRequestAdapter` of msgraph-sdk, or the class it is made of."""
    try:
        found = importlib.import_module("msgraph").GraphRequestAdapter
    except ImportError:
        base = importlib.import_module("msgraph_core").BaseGraphRequestAdapter
        return lambda provider, client: base(provider, http_client=client)
    return lambda provider, client: found(provider, client=client)
