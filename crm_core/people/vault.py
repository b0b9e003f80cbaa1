"""Encryption of the authenticators' secrets. Rule: what was sealed for one person opens for no other."""

from crm_core.people.refusals import SecondFactorUnavailable
from crm_core.vault import SecretsUnavailable
from crm_core.vault import Vault as AnyVault


class Vault:
    """`key` None: nothing can be sealed or opened."""

    def __init__(self, key: bytes | None) -> None:
        """Raises ValueError when the key is too short."""
        self._vault = AnyVault(key, "zongji second factor")

    def seal(self, user_id: int, secret: str) -> str:
        """Raises SecondFactorUnavailable."""
        self.require_key()
        return self._vault.seal(_owner(user_id), secret)

    def open(self, user_id: int, sealed: str) -> str:
        """Raises SecondFactorUnavailable, also when another key sealed it."""
        self.require_key()
        try:
            return self._vault.open(_owner(user_id), sealed)
        except SecretsUnavailable as error:
            raise SecondFactorUnavailable(
                "The authenticators were enrolled under another key: set `secrets_key` back, "
                "or reset this person's second factor."
            ) from error

    def require_key(self) -> None:
        """Raises SecondFactorUnavailable."""
        try:
            self._vault.require_key()
        except SecretsUnavailable as error:
            raise SecondFactorUnavailable(
                "Second factors need a key: set `secrets_key` in the settings and start again."
            ) from error


def _owner(user_id: int) -> str:
    return f"user {user_id}"
