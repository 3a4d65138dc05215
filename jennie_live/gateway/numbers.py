"""Under which number an intent's order is alive: a revision gives it a new one, and the old one is dead."""

from jennie_core.domain.decisions import Accepted
from jennie_infra.kis.codec_rest import order_number


class OrderNumbers:
    """Successor of each dead number and the organisation number of the newest acceptance, per intent."""

    def __init__(self) -> None:
        self._successors: dict[tuple[str, str], str] = {}
        self._organisations: dict[str, str] = {}

    def accepted(self, intent_id: str, replaces: str, acceptance: Accepted) -> None:
        """Keep the broker's number of an order (`replaces` is blank) or of a revision."""
        self._organisations[intent_id] = acceptance.organisation_number
        old = order_number(replaces)
        if old and old != acceptance.order_number:
            self._successors[(intent_id, old)] = acceptance.order_number

    def alive(self, intent_id: str, number: str) -> str:
        """The number that is alive for a number of this intent; one that nothing has replaced stands for itself."""
        found = order_number(number)
        while successor := self._successors.get((intent_id, found)):
            found = successor
        return found

    def organisation(self, intent_id: str) -> str:
        """Organisation number of the newest acceptance; blank when it is not known."""
        return self._organisations.get(intent_id, "")
