"""Two commands on the same ports: the second is told so before it starts anything."""

import pytest

from jennie_cli.errors import UserError
from jennie_cli.port_lock import held_ports

BASE = 49_777


def test_the_second_command_on_the_same_ports_is_refused_until_the_first_has_ended() -> None:
    with held_ports(BASE):
        with pytest.raises(UserError, match=f"^PORT_BASE={BASE}: another jennie command"), held_ports(BASE):
            pass
        with held_ports(BASE + 1):
            pass
    with held_ports(BASE):
        pass
