"""Where values come from that the environment does not say: a secrets manager, asked once at the start (SEC-49).

`SECRETS_SOURCE` names it. The environment, and files named by `NAME_FILE`, always win; what is read is never logged. The
clients are installed by who needs them: requirements-vault.txt, requirements-azure.txt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.core.settings.reader import Reader

SECONDS = 5  # for each answer
NAME = re.compile(r"[A-Z][A-Z0-9_]*")
KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


class SourceFailed(Exception):
    """Why nothing could be read, in the operator's words."""


def read(get: Reader) -> Mapping[str, str]:
    """All that the secrets manager has for the shop; nothing without one. Raises SourceFailed."""
    source = get.choice("SECRETS_SOURCE", ("environment", *_SOURCES), "environment")
    if source == "environment" or get.faults:
        return {}
    try:
        found = _SOURCES[source](get)
    except ImportError:
        raise SourceFailed(
            f"SECRETS_SOURCE={source} needs packages of its own: pip install -r requirements-{source}.txt"
        ) from None
    return {name: value for name, value in found.items() if NAME.fullmatch(name)}


def _needed(get: Reader, name: str, example: str) -> str:
    value = get.text(name)
    if not value:
        raise SourceFailed(f"{name} is missing, such as {example}: SECRETS_SOURCE asks for it")
    return value


def _from_vault(get: Reader) -> Mapping[str, str]:
    """The fields of one secret of a KV engine, version 2."""
    import hvac  # noqa: PLC0415 - installed where it is used
    from hvac import exceptions  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    address = _needed(get, "VAULT_ADDR", "https://vault.example.com:8200")
    path, mount = _needed(get, "VAULT_PATH", "kedai/production"), get.text("VAULT_MOUNT", "secret")
    client = hvac.Client(
        url=address,
        token=get.text("VAULT_TOKEN"),
        namespace=get.text("VAULT_NAMESPACE") or None,
        verify=get.text("VAULT_CACERT") or True,
        timeout=SECONDS,
    )
    try:
        _enter_vault(client, get)
        answer = client.secrets.kv.v2.read_secret_version(path=path, mount_point=mount, raise_on_deleted_version=True)
    except exceptions.InvalidPath:
        raise SourceFailed(
            f"Vault at {address} has no secret {path} in {mount}: correct VAULT_PATH and VAULT_MOUNT"
        ) from None
    except (exceptions.Forbidden, exceptions.Unauthorized, exceptions.InvalidRequest):
        raise SourceFailed(
            f"Vault at {address} refuses {mount}/{path}: renew VAULT_TOKEN or the role's secret, and let its policy read it"
        ) from None
    except (exceptions.VaultError, RequestException, ValueError) as error:
        raise SourceFailed(
            f"Vault at {address} gives no answer ({type(error).__name__}): start or unseal it, or correct VAULT_ADDR"
        ) from None
    return {name: str(value) for name, value in answer["data"]["data"].items()}


def _enter_vault(client: Any, get: Reader) -> None:
    """By AppRole or by Kubernetes' own token, where a role is given; else by VAULT_TOKEN."""
    if role := get.text("VAULT_ROLE_ID"):
        client.auth.approle.login(
            role_id=role,
            secret_id=_needed(get, "VAULT_SECRET_ID", "what vault write -f auth/approle/role/kedai/secret-id prints"),
            mount_point=get.text("VAULT_AUTH_MOUNT", "approle"),
        )
    elif role := get.text("VAULT_KUBERNETES_ROLE"):
        token = get.text("VAULT_KUBERNETES_TOKEN") or _text_of(KUBERNETES_TOKEN)
        client.auth.kubernetes.login(role=role, jwt=token, mount_point=get.text("VAULT_AUTH_MOUNT", "kubernetes"))
    else:
        _needed(get, "VAULT_TOKEN", "VAULT_TOKEN_FILE=/run/secrets/vault-token")


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SourceFailed(f"{path} cannot be read ({error.strerror}): set VAULT_KUBERNETES_TOKEN_FILE") from None


def _from_azure(get: Reader) -> Mapping[str, str]:
    """Every secret of a Key Vault; as its names have no underscores, `SECRET-KEY` is SECRET_KEY."""
    from azure.core import exceptions  # noqa: PLC0415 - installed where it is used
    from azure.keyvault.secrets import SecretClient  # noqa: PLC0415

    url = _needed(get, "AZURE_KEY_VAULT_URL", "https://kedai.vault.azure.net")
    try:
        client = SecretClient(vault_url=url, credential=_azure_credential(get), **_PATIENCE)
        names = [each.name for each in client.list_properties_of_secrets() if each.enabled and each.name]
        return {name.replace("-", "_").upper(): client.get_secret(name).value or "" for name in names}
    except exceptions.ClientAuthenticationError:
        raise SourceFailed(
            f"Azure lets nobody in to {url}: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give the machine an identity"
        ) from None
    except exceptions.HttpResponseError as error:
        raise SourceFailed(
            f"Azure Key Vault at {url} refuses to list and read its secrets ({error.status_code}):"
            " give the identity the role Key Vault Secrets User"
        ) from None
    except (exceptions.AzureError, ValueError) as error:
        raise SourceFailed(
            f"Azure Key Vault at {url} gives no answer ({type(error).__name__}): correct AZURE_KEY_VAULT_URL or the network"
        ) from None


def _azure_credential(get: Reader) -> Any:
    """A secret of an application, a token of Kubernetes', else the identity of the machine."""
    from azure import identity  # noqa: PLC0415 - installed where it is used

    tenant, client = get.text("AZURE_TENANT_ID"), get.text("AZURE_CLIENT_ID")
    if secret := get.text("AZURE_CLIENT_SECRET"):
        return identity.ClientSecretCredential(tenant, client, secret, **_PATIENCE)
    if path := get.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        return identity.WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client, token_file_path=path, **_PATIENCE
        )
    return identity.ManagedIdentityCredential(client_id=client or None, **_PATIENCE)


_PATIENCE: dict[str, Any] = {"connection_timeout": SECONDS, "read_timeout": SECONDS, "retry_total": 1}
_SOURCES: dict[str, Callable[[Reader], Mapping[str, str]]] = {"vault": _from_vault, "azure": _from_azure}
