"""Which courier carries an order, and why. Rule: pure; every courier is answered for, the chosen one and
the others alike, and the order in which couriers are asked changes nothing.
"""

from dataclasses import dataclass
from decimal import Decimal

from orders.delivery import areas
from orders.delivery.codes import Way
from orders.money import to_fen
from orders.reasons import Reason


@dataclass(frozen=True, slots=True)
class Parcel:
    """`cod_amount` is what the courier has to collect, nothing when the order is paid otherwise."""

    way: Way
    province: str | None
    city: str | None
    weight_g: int
    cod_amount: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """Heavier than `over_g` up to `up_to_g` grams; without `areas` everywhere; there in `days` days."""

    areas: tuple[str, ...]
    over_g: int
    up_to_g: int | None
    first_g: int
    first_price: Decimal
    further_g: int
    further_price: Decimal
    days: int

    def carries(self, weight_g: int) -> bool:
        above = weight_g > self.over_g or self.over_g == 0
        return above and (self.up_to_g is None or weight_g <= self.up_to_g)

    def price(self, weight_g: int) -> Decimal:
        """Each further step that is begun counts whole (续重不足一档按一档计)."""
        steps = -(-max(0, weight_g - self.first_g) // self.further_g)
        return to_fen(self.first_price + self.further_price * steps)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A courier as the choice sees it."""

    code: str
    ways: frozenset[str]
    not_served: tuple[str, ...]
    priority: int
    cod: bool
    cod_fee_percent: Decimal
    cod_fee_least: Decimal
    cod_most: Decimal | None
    tariffs: tuple[Tariff, ...]

    def cod_fee(self, amount: Decimal) -> Decimal:
        if not amount:
            return Decimal(0)
        return max(to_fen(amount * self.cod_fee_percent / 100), self.cod_fee_least)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a courier would take, or the reasons why it cannot carry the parcel."""

    code: str
    priority: int
    freight: Decimal
    cod_fee: Decimal
    days: int
    why: tuple[Reason, ...]
    possible: bool

    @property
    def cost(self) -> Decimal:
        return self.freight + self.cod_fee


@dataclass(frozen=True, slots=True)
class Choice:
    """`chosen` is None when nobody can carry it; `offers` are everybody's, the best first."""

    chosen: Offer | None
    offers: tuple[Offer, ...]

    def of(self, code: str) -> Offer | None:
        return next((offer for offer in self.offers if offer.code == code), None)


def choose(parcel: Parcel, carriers: tuple[Carrier, ...]) -> Choice:
    """The least priority first, then the least cost, then the code."""
    asked = sorted(
        (_offer(parcel, each) for each in carriers),
        key=lambda offer: (not offer.possible, offer.priority, offer.cost, offer.code),
    )
    best = asked[0] if asked and asked[0].possible else None
    if best is None:
        return Choice(None, tuple(asked))
    offers = tuple(_compared(offer, best) for offer in asked)
    return Choice(offers[0], offers)


def _offer(parcel: Parcel, carrier: Carrier) -> Offer:
    tariff, closest = _tariff(parcel, carrier)
    refusals = [*_refusals(parcel, carrier)]
    if closest is None:
        refusals.append(Reason("area_not_served", _place(parcel)))
    elif tariff is None:
        refusals.append(Reason("weight_not_carried", {"weight_g": str(parcel.weight_g)}))
    if refusals or tariff is None:
        nothing = Decimal(0)
        return Offer(carrier.code, carrier.priority, nothing, nothing, 0, tuple(refusals), False)
    freight, fee = tariff.price(parcel.weight_g), carrier.cod_fee(parcel.cod_amount)
    told = {"freight": str(freight), "weight_g": str(parcel.weight_g)}
    why = [Reason("tariff", told)]
    if parcel.cod_amount:
        why.append(Reason("cod_fee", {"fee": str(fee), "amount": str(parcel.cod_amount)}))
    return Offer(carrier.code, carrier.priority, freight, fee, tariff.days, tuple(why), True)


def _refusals(parcel: Parcel, carrier: Carrier) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if parcel.way not in carrier.ways:
        found.append(Reason("way_not_served", {"way": str(parcel.way)}))
    if any(areas.specificity(a, parcel.province, parcel.city) for a in carrier.not_served):
        found.append(Reason("area_excluded", _place(parcel)))
    if parcel.cod_amount and not carrier.cod:
        found.append(Reason("no_cod", {}))
    elif carrier.cod_most is not None and parcel.cod_amount > carrier.cod_most:
        found.append(Reason("cod_too_much", {"most": str(carrier.cod_most)}))
    return tuple(found)


def _tariff(parcel: Parcel, carrier: Carrier) -> tuple[Tariff | None, int | None]:
    """Of the tariffs whose area holds the place most closely, the cheapest that carries the weight."""
    held = [
        (closeness, tariff)
        for tariff in carrier.tariffs
        if (closeness := areas.holds(tariff.areas, parcel.province, parcel.city)) is not None
    ]
    if not held:
        return None, None
    closest = max(closeness for closeness, _ in held)
    able = [t for closeness, t in held if closeness == closest and t.carries(parcel.weight_g)]
    cheapest = min(able, key=lambda t: (t.price(parcel.weight_g), t.days), default=None)
    return cheapest, closest


def _place(parcel: Parcel) -> dict[str, str]:
    return {"province": parcel.province or "", "city": parcel.city or ""}


def _compared(offer: Offer, best: Offer) -> Offer:
    """The same offer with why it was chosen, or why it was not."""
    if not offer.possible:
        return offer
    if offer.code == best.code:
        told = Reason("chosen", {"cost": str(offer.cost), "priority": str(offer.priority)})
    elif offer.priority > best.priority:
        told = Reason("lower_priority", {"than": best.code})
    elif offer.cost > best.cost:
        told = Reason("dearer", {"by": str(offer.cost - best.cost), "than": best.code})
    else:
        told = Reason("as_good", {"as": best.code})
    return Offer(
        offer.code,
        offer.priority,
        offer.freight,
        offer.cod_fee,
        offer.days,
        (*offer.why, told),
        possible=True,
    )
