"""OpenDART's register of companies: their number there (고유번호) by stock code, from a zipped XML file."""

import io
import re
import zipfile
from xml.etree import ElementTree

from jennie_infra.sources.web.reply import Fault, Reply

MEMBER = "CORPCODE.xml"
STATUS = re.compile(r"<status>\s*(\d+)\s*</status>(?:.*?<message>(.*?)</message>)?", re.DOTALL)


def company_numbers(reply: Reply, fault_of: dict[str, Fault]) -> dict[str, str]:
    """Stock code to company number of every company that has a stock code; raises SourceReplyError.

    The reply is a ZIP file; an error comes as XML or JSON with a status instead.
    """
    if not reply.content.startswith(b"PK"):
        text = reply.text()
        stated = STATUS.search(text)
        if stated:
            code = stated.group(1)
            known = fault_of.get(code)
            raise (
                reply.refused_as(Fault(known.kind, f"{code} {stated.group(2) or ''}"))
                if known
                else reply.refused(f"status {code} {stated.group(2) or ''}")
            )
        reply.json()
        raise reply.refused("the register is no ZIP file")
    try:
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            root = ElementTree.fromstring(archive.read(MEMBER))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError) as error:
        raise reply.refused(f"the register cannot be read ({type(error).__name__})") from error
    found = {
        stock: number
        for entry in root.iter("list")
        if (stock := _text(entry, "stock_code")) and (number := _text(entry, "corp_code"))
    }
    if not found:
        raise reply.refused("the register names no listed company")
    return found


def _text(entry: ElementTree.Element, name: str) -> str:
    return (entry.findtext(name) or "").strip()
