"""Encrypted order notices: from the payload to the fields of each record (section 4.3, 4.6)."""

import base64
import binascii
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

AES_BLOCK_BITS = 128


@dataclass(frozen=True, slots=True)
class RawNotices:
    """Decrypted records of one notice frame, as field lists."""

    records: list[list[str]]


def split_notices(payload: str, count: int, width: int) -> RawNotices | None:
    """Records of a plain payload; None when it does not hold `count` of `width` fields."""
    fields = payload.split("^")
    if len(fields) != count * width:
        return None
    return RawNotices([fields[at : at + width] for at in range(0, len(fields), width)])


def decrypt(payload: str, key: bytes, iv: bytes) -> str | None:
    """base64(AES-256-CBC(PKCS7(text))) back to text; None when key or data do not fit."""
    try:
        decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
        padded = decryptor.update(base64.b64decode(payload, validate=True)) + decryptor.finalize()
        unpadder = PKCS7(AES_BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError):
        return None
