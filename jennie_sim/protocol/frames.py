"""WebSocket texts that are not market data: acknowledgements, errors, heartbeat."""

from dataclasses import dataclass

import orjson

from jennie_sim.protocol.crypto import SessionCipher


@dataclass(frozen=True, slots=True)
class Answer:
    """Result code, message code and text of one subscription request."""

    rt_cd: str
    msg_cd: str
    msg1: str


SUBSCRIBED = Answer("0", "OPSP0000", "SUBSCRIBE SUCCESS")
UNSUBSCRIBED = Answer("0", "OPSP0001", "UNSUBSCRIBE SUCCESS")
ALREADY_SUBSCRIBED = Answer("1", "OPSP0002", "ALREADY IN SUBSCRIBE")
NOT_SUBSCRIBED = Answer("1", "OPSP0003", "UNSUBSCRIBE ERROR(not found!)")
TOO_MANY = Answer("1", "OPSP0008", "MAX SUBSCRIBE OVER")
BAD_APPROVAL = Answer("1", "OPSP0011", "invalid approval : NOT FOUND")
BAD_TR_ID = Answer("1", "OPSP8991", "invalid tr_id : NOT FOUND")
BAD_TR_KEY = Answer("1", "OPSP8992", "invalid tr_key : NOT FOUND")
IN_USE = Answer("9", "OPSP8996", "ALREADY IN USE appkey")
BAD_TR_TYPE = Answer("1", "OPSP8997", "invalid tr_type")
BAD_JSON = Answer("1", "OPSP9999", "invalid json format")


def answer_frame(tr_id: str, tr_key: str, answer: Answer, cipher: SessionCipher | None, encrypted: bool) -> str:
    """Reply to a subscription; key and iv come with every success, one pair for the whole session."""
    body: dict[str, object] = {"rt_cd": answer.rt_cd, "msg_cd": answer.msg_cd, "msg1": answer.msg1}
    if answer.rt_cd == "0" and cipher is not None:
        body["output"] = {"iv": cipher.iv, "key": cipher.key}
    header = {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "Y" if encrypted else "N"}
    return orjson.dumps({"header": header, "body": body}).decode()


def heartbeat_frame(date_time: str) -> str:
    """PINGPONG; `date_time` is YYYYMMDDHHMMSS of market time. It closes a slice."""
    return '{"header":{"tr_id":"PINGPONG","datetime":"' + date_time + '"}}'


def data_frame(tr_id: str, payload: str, count: int = 1) -> str:
    """A plain frame of `count` records that are already joined by ^."""
    return f"0|{tr_id}|{count:03d}|{payload}"


def secret_frame(tr_id: str, payload: str, cipher: SessionCipher) -> str:
    """An encrypted frame of one record."""
    return f"1|{tr_id}|001|{cipher.encrypt(payload)}"
