"""Who is there, and who makes room: against a plain model, which looks at everybody each time."""

from __future__ import annotations

import asyncio
from collections import Counter
from ipaddress import ip_address

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mtglib import Reason, Secret
from mtglib.ground.endpoints import Endpoint
from mtglib.roster import Entry, Roster, State
from mtglib.users import User
from mtglib.users.account import Account
from mtglib.visitor import Visitor

FEW = 3  # of the 8 that are few, so that small crowds have both rules
IPS = (None, "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")


def visitor(ip: str | None) -> Visitor:
    return Visitor(None if ip is None else Endpoint(ip_address(ip), 50_000), None)


def entry(name: object, ip: str | None = "192.0.2.1") -> Entry:
    return Entry(str(name), visitor(ip), 1.0)


def test_a_network_is_an_ipv4_address_or_a_64_of_ipv6() -> None:
    networks = [visitor(ip).network for ip in IPS]

    assert networks[0] is None
    assert networks[3] == networks[4]
    assert len(set(networks)) == len(networks) - 1
    assert visitor("0.0.0.0").network != visitor("::").network


class Crowd(RuleBasedStateMachine):
    """Comes, goes, talks, is admitted, is evicted; the model keeps visitors in a list, the next to go first."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("mtglib.roster._FEW_VISITORS", FEW)

    def teardown(self) -> None:
        self.patch.undo()

    @initialize(concurrency=st.integers(1, 24), visitors=st.integers(1, 16), per_network=st.integers(1, 4))
    def begin(self, concurrency: int, visitors: int, per_network: int) -> None:
        self.roster = Roster(concurrency, visitors, per_network)
        self.limits = (concurrency, visitors, per_network)
        self.order: list[Entry] = []
        self.past: list[Entry] = []
        self.clients: list[Entry] = []
        self.uncounted: list[Entry] = []
        self.made = 0

    def next_of(self, visitors: list[Entry]) -> Entry:
        """Who of these is the next to go: of the larger kind, past the site's end first."""
        past = [each for each in self.past if each in visitors]
        fronted = [each for each in self.order if each in visitors and each.state is State.FRONTED]
        uncertain = [each for each in self.order if each in visitors and each.state is State.HANDSHAKE]
        return [*past, *(fronted if len(fronted) >= len(uncertain) else uncertain)][0]

    def of(self, network: int | None) -> list[Entry]:
        return [each for each in [*self.past, *self.order] if each.network == network]

    def to_evict(self, network: int | None) -> set[Entry]:
        """Those of whom any may be evicted for a newcomer; none if nobody has to go."""
        concurrency, visitors, per_network = self.limits
        everybody = [*self.past, *self.order]
        if not everybody:
            return set()
        own = self.of(network)
        if network is not None and len(everybody) >= visitors - visitors // 4 and len(own) >= per_network:
            return {self.next_of(own)}
        if len(everybody) >= visitors or len(everybody) + len(self.clients) >= concurrency:
            sizes = Counter(each.network for each in everybody)
            largest = max(sizes.values())
            if largest <= max(FEW, visitors // 4):
                return {self.next_of(everybody)}
            return {self.next_of(self.of(network)) for network, size in sizes.items() if size == largest}
        return set()

    @rule(ip=st.sampled_from(IPS), counted=st.sampled_from([True] * 7 + [False]))
    def come(self, ip: str | None, counted: bool) -> None:
        self.made += 1
        newcomer = entry(self.made, ip)
        newcomer.counted = counted
        if counted:
            wanted, evicted = self.to_evict(newcomer.network), self.roster.visitor_to_evict(newcomer.network)
            assert (evicted in wanted) if wanted else evicted is None
            if evicted is not None:
                self.roster.evict(evicted)
                assert evicted.end_reason is Reason.EVICTED
                self.forget(evicted)
                self.uncounted.append(evicted)
            elif self.roster.is_full:
                assert len(self.clients) == self.limits[0]
                return
        self.roster.add(newcomer)
        (self.order if counted else self.uncounted).append(newcomer)

    @rule(data=st.data(), ip=st.sampled_from(IPS))
    def be_known(self, data: st.DataObject, ip: str | None) -> None:
        waiting = [each for each in self.of(None) if each.state is State.HANDSHAKE and each not in self.past]
        if who := self.one_of(data, waiting):
            self.order.remove(who)
            self.roster.withdraw(who)
            who.visitor = visitor(ip)
            who.network = who.visitor.network
            wanted, evicted = self.to_evict(who.network), self.roster.visitor_to_evict(who.network)
            assert (evicted in wanted) if wanted else evicted is None
            assert not self.roster.is_full
            if evicted is not None:
                self.roster.evict(evicted)
                self.forget(evicted)
                self.uncounted.append(evicted)
            self.roster.add(who)
            self.order.append(who)

    def forget(self, gone: Entry) -> None:
        for group in (self.order, self.past, self.clients, self.uncounted):
            if gone in group:
                group.remove(gone)

    def one_of(self, data: st.DataObject, *groups: list[Entry]) -> Entry | None:
        all_of_them = [each for group in groups for each in group]
        return data.draw(st.sampled_from(all_of_them)) if all_of_them else None

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if gone := self.one_of(data, self.order, self.past, self.clients, self.uncounted):
            self.roster.remove(gone)
            self.roster.remove(gone)
            self.forget(gone)
            assert gone.is_over

    @rule(data=st.data())
    def talk(self, data: st.DataObject) -> None:
        if who := self.one_of(data, self.order, self.past, self.clients, self.uncounted):
            self.roster.touch(who)
            if who in self.order and who.state is not State.HANDSHAKE:
                self.order.remove(who)
                self.order.append(who)

    @rule(data=st.data())
    def be_the_sites(self, data: st.DataObject) -> None:
        if who := self.one_of(data, [each for each in self.order if each.state is State.HANDSHAKE]):
            self.roster.fronted(who)
            self.order.remove(who)
            self.order.append(who)

    @rule(data=st.data())
    def be_admitted(self, data: st.DataObject) -> None:
        if who := self.one_of(data, self.order):
            self.roster.authenticated(who)
            self.order.remove(who)
            self.clients.append(who)

    @rule(data=st.data())
    def see_the_site_end(self, data: st.DataObject) -> None:
        if who := self.one_of(data, self.order):
            self.roster.past_the_end(who)
            self.order.remove(who)
            self.past.insert(0, who)

    @invariant()
    def counts_are_right(self) -> None:
        visitors = len(self.order) + len(self.past)
        assert self.roster.visitors == visitors
        assert self.roster.counted == visitors + len(self.clients)
        assert len(self.roster) == visitors + len(self.clients) + len(self.uncounted)
        assert {each.stream_id for each in self.roster.connections()} == {
            each.stream_id for each in [*self.order, *self.past, *self.clients, *self.uncounted]
        }
        assert visitors <= self.limits[1]
        assert self.roster.counted <= self.limits[0]


Crowd.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestCrowd = pytest.mark.hypothesis(Crowd.TestCase)


def test_clients_alone_can_fill_it_up() -> None:
    roster = Roster(2, 1, 1)
    for number in range(2):
        assert roster.visitor_to_evict(None) is None
        roster.add(client := entry(number))
        roster.authenticated(client)

    assert roster.is_full
    assert roster.visitor_to_evict(visitor("192.0.2.9").network) is None


def test_a_visitor_goes_where_all_places_are_taken() -> None:
    roster = Roster(2, 2, 9)
    roster.add(client := entry("client"))
    roster.authenticated(client)
    roster.add(stranger := entry("visitor", "192.0.2.2"))

    assert roster.visitor_to_evict(client.network) is stranger


async def test_an_entry_ends_its_task_for_the_first_reason() -> None:
    one = entry("one")
    one.task = asyncio.get_running_loop().create_task(asyncio.sleep(60))
    one.end(Reason.EVICTED)
    await asyncio.sleep(0)
    assert not one.task.cancelled(), "a task that was never run would close nothing"
    one.has_begun = True
    one.end(Reason.SHUTDOWN)
    await asyncio.wait([one.task])

    assert one.task.cancelled()
    assert one.end_reason is Reason.EVICTED


def test_a_connection_is_described_as_it_stands() -> None:
    roster = Roster(9, 9, 9)
    roster.add(one := entry("a"))
    one.state, one.dc, one.from_client_bytes, one.to_client_bytes = State.TELEGRAM, 2, 10, 20
    one.account = Account(User("default", Secret(bytes(range(16)), "front.example")))

    (connection,) = roster.connections()

    assert connection.client == (ip_address("192.0.2.1"), 50_000)
    assert (connection.stream_id, connection.user, connection.state, connection.dc) == ("a", "default", "telegram", 2)
    assert (connection.since_unix, connection.from_client_bytes, connection.to_client_bytes) == (1.0, 10, 20)
    assert roster.get("a") is one
    assert roster.get("b") is None
