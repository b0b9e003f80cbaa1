"""Menus as operations write them: the sections `menus`, `announcements`, `operator` and `extensions` of the line file.

Rule: frozen values; what may stand together is checked in ivr/menu_checks.py.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from acd.hours import Moment, TimeConditions, chosen, several
from acd.overflowplan import Mailbox
from ivr.said import LinePart, Say
from ivr.survey_plan import QuestionPlan, SurveyPlan

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Service = Literal[
    "products",
    "order",
    "order_status",
    "best_sellers",
    "new_products",
    "rules",
    "notices",
    "credit",
    "pin",
    "refuse_calls",
]
PROVED: frozenset[Service] = frozenset({"credit", "pin"})
"""What asks for the PIN whatever the menu says: it shows or changes what is a customer's own."""
PIN_ASKED = "电话密码 / PIN"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Choice = Annotated[str, StringConstraints(pattern=r"^[0-9*#](-[0-9*#])*$")]


class Announcement(Say):
    """A text of its own, said where an `announce` names it."""

    name: Name


class Action(LinePart):
    """What is done; exactly one of these, after `announce` if that is given.

    `menu` opens another menu, `route` ends the walk with the keys pressed as the choice (1-2), `service` lets
    callers serve themselves and comes back to the menu, `extension` asks for that of somebody, `hang_up` ends the call
    with thanks, `voicemail` takes a message (true: for the people of the queue to which the keys lead, a name: for that
    queue's), `callback` asks to be called back; `repeat`, `back` and `language` (go on in it) speak for themselves. `announce` alone comes back to
    the menu. With `pin: true` a service asks the caller for their PIN first, once a call; with `pin: false` nothing
    that is ordered there asks for it; without either it is asked of those who order on account or have one.
    """

    announce: Name | None = None
    menu: Name | None = None
    route: bool = False
    voicemail: Mailbox = False
    callback: bool = False
    service: Service | None = None
    pin: bool | None = None
    extension: bool = False
    hang_up: bool = False
    repeat: bool = False
    back: bool = False
    language: Language | None = None

    @property
    def asks_pin(self) -> bool:
        """Whether callers, or those who order on account, must have proved with their PIN who they are."""
        if self.service == "order":
            return self.pin is not False
        return self.pin is True or self.service in PROVED

    @property
    def ends(self) -> bool:
        """Whether callers leave the menus by it."""
        return bool(self.route or self.hang_up or self.voicemail or self.callback)

    @property
    def kinds(self) -> list[str]:
        """The actions that are given."""
        return [name for name in self._kinds() if getattr(self, name)]

    @classmethod
    def _kinds(cls) -> list[str]:
        passed = {"announce", "pin", *TimeConditions.model_fields}
        return [name for name in cls.model_fields if name not in passed]


class Branch(TimeConditions, Action):
    """What a key does at some time."""


class KeyAction(Action):
    """What a key does; `by_hours`: by the time, the first that holds."""

    by_hours: tuple[Branch, ...] = ()

    def at(self, moment: Moment) -> Action:
        """What it does then."""
        return chosen(self.by_hours, moment) or self

    @property
    def all(self) -> tuple[Action, ...]:
        """Everything that it does at some time."""
        return self.by_hours or (self,)


class MenuPlan(LinePart):
    """One menu. `tries`: wrong keys and silences together, after which `otherwise` is taken: a choice, or `hang_up`.

    `extensions`: somebody's extension may be dialled here; `operator: false`: the operator's key is none here.
    """

    name: Name
    say: Say
    keys: dict[str, KeyAction]
    timeout_s: Annotated[float, Field(ge=1, le=30)] = 5
    tries: Annotated[int, Field(ge=1, le=9)] = 3
    barge_in: bool = True
    otherwise: Choice | Literal["hang_up"] | None = None
    extensions: bool = False
    operator: bool = True


class OperatorPlan(LinePart):
    """The key that ends the walk in every menu, as if `choice` had been pressed."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9*#]$")]
    choice: Choice


class ExtensionsPlan(LinePart):
    """Extensions that callers may dial: `digits` digits of which the first is one of `begin_with`.

    `next_digit_s`: how long the next digit is waited for.
    """

    begin_with: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]$")], ...],
        BeforeValidator(several),
        Field(min_length=1),
    ]
    digits: Annotated[int, Field(ge=2, le=8)]
    next_digit_s: Annotated[float, Field(ge=1, le=10)] = 3


class Menus(LinePart):
    """What the line says and asks: every menu and every survey by name, and what belongs to all of them."""

    by_name: Mapping[str, MenuPlan]
    surveys: Mapping[str, SurveyPlan] = {}
    announcements: Mapping[str, Announcement] = {}
    operator: OperatorPlan | None = None
    extensions: ExtensionsPlan | None = None

    def __getitem__(self, name: str) -> MenuPlan:
        return self.by_name[name]

    @cached_property
    def said(self) -> Mapping[str, Say]:
        """Every text of the line by the name of its prompt."""
        found = {prompt_of(menu.name): menu.say for menu in self.by_name.values()}
        for survey in self.surveys.values():
            found |= {question_of(survey, each): each.say for each in survey.questions}
        return found | {prompt: self.announcements[name] for prompt, name in self.announced.items()}

    @cached_property
    def announced(self) -> Mapping[str, str]:
        """The names of the announcements by those of their prompts."""
        return {announcement_of(name): name for name in self.announcements}

    def announced_in(self, prompts: Iterable[str]) -> list[str]:
        """The names of the announcements among prompts."""
        return [self.announced[prompt] for prompt in prompts if prompt in self.announced]

    def operator_in(self, menu: MenuPlan) -> OperatorPlan | None:
        return self.operator if menu.operator else None

    def keys_in(self, menu: MenuPlan) -> frozenset[str]:
        """The keys which do something by themselves in this menu."""
        operator = self.operator_in(menu)
        return frozenset(menu.keys) | ({operator.key} if operator else set())

    def dialled_in(self, menu: MenuPlan) -> frozenset[str]:
        """The keys which begin an extension in this menu."""
        found = self.extensions.begin_with if self.extensions and menu.extensions else ()
        return frozenset(found)


def prompt_of(menu: str) -> str:
    """The name of a menu's prompt."""
    return f"menu_{menu}"


def announcement_of(name: str) -> str:
    """The name of an announcement's prompt."""
    return f"announcement_{name}"


def question_of(survey: SurveyPlan, question: QuestionPlan) -> str:
    """The name of a question's prompt."""
    return f"survey_{survey.name}_{question.name}"
