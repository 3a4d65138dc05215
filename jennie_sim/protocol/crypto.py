"""AES-256-CBC with PKCS7 padding, base64 text: how execution notices travel."""

import base64
import secrets
import string
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_ALPHABET = string.ascii_lowercase + string.digits
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class SessionCipher:
    """Key (32 ASCII characters) and iv (16) of one WebSocket session, used as raw bytes."""

    key: str
    iv: str

    @classmethod
    def fresh(cls) -> "SessionCipher":
        """A new random pair."""
        return cls(
            "".join(secrets.choice(_ALPHABET) for _ in range(32)), "".join(secrets.choice(_ALPHABET) for _ in range(16))
        )

    def encrypt(self, text: str) -> str:
        """Base64 of the encrypted UTF-8 text."""
        raw = text.encode()
        padding = _BLOCK - len(raw) % _BLOCK
        encryptor = Cipher(algorithms.AES(self.key.encode()), modes.CBC(self.iv.encode())).encryptor()
        return base64.b64encode(encryptor.update(raw + bytes([padding]) * padding) + encryptor.finalize()).decode()
