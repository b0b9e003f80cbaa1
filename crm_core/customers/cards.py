"""The query that reads customers' records. Rule: one statement, whatever they hold and however many they are."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.card_views import (
    Above,
    Address,
    Contact,
    CustomerCard,
    CustomView,
    LevelView,
    PaymentTermsView,
    Phone,
    PricePolicyView,
    Salesperson,
    TerritoryView,
    custom_value,
)
from crm_core.statement import Statement

_CARDS = """
SELECT c.id, c.code, c.name, c.credit_limit, c.credit_used, c.credit_overdue, c.overdue_entered,
       c.salesperson_id,
       c.email, c.fax, c.wecom, c.wecom_group, c.told_by, c.language, c.opt_outs, c.birthday, c.anniversary,
       c.note, c.area_code, c.province, c.city,
       c.version, c.created_at, c.updated_at,
       l.code AS level_code, l.name_zh AS level_zh, l.name_en AS level_en, l.is_vip,
       p.code AS policy_code, p.name_zh AS policy_zh, p.name_en AS policy_en, p.discount,
       t.code AS terms_code, t.name_zh AS terms_zh, t.name_en AS terms_en, t.days, t.prepaid,
       u.name AS salesperson,
       (SELECT jsonb_agg(jsonb_build_object('id', a.id, 'name', a.name, 'level_code', a.level_code,
                                            'code', a.code)
                         ORDER BY array_position(c.path, a.id))
          FROM customers a WHERE a.id = ANY (c.path)) AS above,
       (SELECT jsonb_agg(jsonb_build_object('id', n.id, 'number', n.number, 'is_main', n.is_main,
                                            'label', n.label, 'contact_id', n.contact_id)
                         ORDER BY n.is_main DESC, n.number)
          FROM customer_phones n WHERE n.customer_id = c.id) AS phones,
       (SELECT jsonb_agg(to_jsonb(a) - '{customer_id,search_text}'::text[] ORDER BY a.is_main DESC, a.id)
          FROM customer_addresses a WHERE a.customer_id = c.id) AS addresses,
       (SELECT jsonb_agg(to_jsonb(k) - '{customer_id,search_text}'::text[] ORDER BY k.id)
          FROM customer_contacts k WHERE k.customer_id = c.id) AS contacts,
       (SELECT jsonb_agg(jsonb_build_object('province', r.province, 'city', r.city) ORDER BY r.id)
          FROM territories r WHERE r.customer_id = c.id) AS territories,
       (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.place, f.code)
          FROM (SELECT d.code, d.label_zh, d.label_en, d.type, d.place,
                       array_agg(COALESCE(v.string, v.number::text, v.day::text) ORDER BY v.place)
                           AS texts
                  FROM custom_values v JOIN custom_fields d ON d.id = v.field_id
                 WHERE v.customer_id = c.id AND d.active
                 GROUP BY d.id) f) AS custom
  FROM customers c
  JOIN levels l ON l.code = c.level_code
  JOIN price_policies p ON p.code = c.price_policy_code
  LEFT JOIN payment_terms t ON t.code = c.payment_terms_code
  LEFT JOIN users u ON u.id = c.salesperson_id
 WHERE """
_ONE = Statement(
    _CARDS
    + """c.id = COALESCE((SELECT m.merged_into_id FROM customers m WHERE m.id = :customer_id),
                       :customer_id)"""
)
_MANY = Statement(_CARDS + "c.id = ANY (:ids) AND c.merged_into_id IS NULL")


async def read_card(
    holder: AsyncSession | AsyncConnection, customer_id: int
) -> CustomerCard | None:
    """None when there is no such customer; one that was merged gives the survivor's."""
    rows = await _ONE.read(holder, {"customer_id": customer_id})
    return _card(rows[0]) if rows else None


async def read_cards(
    holder: AsyncSession | AsyncConnection, ids: Sequence[int]
) -> tuple[CustomerCard, ...]:
    """Those of them who are still there, in this order; one that was merged is left out."""
    found = {row["id"]: row for row in await _MANY.read(holder, {"ids": ids})}
    return tuple(_card(found[each]) for each in ids if each in found)


def _card(row: Mapping[str, Any]) -> CustomerCard:
    return CustomerCard(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        level=LevelView(row["level_code"], row["level_zh"], row["level_en"], row["is_vip"]),
        price_policy=PricePolicyView(
            row["policy_code"], row["policy_zh"], row["policy_en"], row["discount"]
        ),
        payment_terms=_terms(row),
        credit_limit=row["credit_limit"],
        credit_used=row["credit_used"],
        credit_overdue=row["credit_overdue"],
        overdue_entered=row["overdue_entered"],
        salesperson=_salesperson(row["salesperson_id"], row["salesperson"]),
        email=row["email"],
        fax=row["fax"],
        wecom=row["wecom"],
        wecom_group=row["wecom_group"],
        told_by=None if row["told_by"] is None else tuple(row["told_by"]),
        language=row["language"],
        opt_outs=tuple(row["opt_outs"]),
        birthday=row["birthday"],
        anniversary=row["anniversary"],
        note=row["note"],
        area_code=row["area_code"],
        province=row["province"],
        city=row["city"],
        above=tuple(Above(**each) for each in row["above"] or ()),
        phones=tuple(Phone(**each) for each in row["phones"] or ()),
        addresses=tuple(Address(**each) for each in row["addresses"] or ()),
        contacts=tuple(Contact(**_with_day(each)) for each in row["contacts"] or ()),
        territories=tuple(TerritoryView(**each) for each in row["territories"] or ()),
        custom=tuple(_custom(each) for each in row["custom"] or ()),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _salesperson(user_id: int | None, name: str | None) -> Salesperson | None:
    return None if user_id is None or name is None else Salesperson(user_id, name)


def _terms(row: Mapping[str, Any]) -> PaymentTermsView | None:
    if row["terms_code"] is None:
        return None
    return PaymentTermsView(
        row["terms_code"], row["terms_zh"], row["terms_en"], row["days"], row["prepaid"]
    )


def _with_day(contact: Mapping[str, Any]) -> dict[str, Any]:
    """JSON carries a day as text."""
    day = contact["birthday"]
    return {**contact, "birthday": date.fromisoformat(day) if day else None}


def _custom(field: Mapping[str, Any]) -> CustomView:
    value = custom_value(field["type"], field["texts"])
    return CustomView(field["code"], field["label_zh"], field["label_en"], field["type"], value)
