"""Every open page, by what it shows.

Rule: nothing here waits. A page that leaves is forgotten at once, and with the last page of a feed
the feed; who comes back starts from the snapshot, as everybody does.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from crm_core.rights import Principal, Right
from webui.errors import TooManyPages
from webui.feed import Feed, Viewer
from webui.page import Page, PageKind
from webui.state import Objects

SESSION_ENDED = 4401
GOING_AWAY = 1001
MOST_PAGES = 20


class Hub:
    """Feeds and their pages; `whole` gives all that a viewer sees at this moment."""

    def __init__(self, whole: Callable[[Viewer], Objects], clock: Callable[[], datetime]) -> None:
        self._whole = whole
        self._clock = clock
        self._feeds: dict[Viewer, Feed] = {}

    def admit(self, principal: Principal) -> None:
        """Raises TooManyPages when this person has too many open."""
        mine = sum(page.principal.user_id == principal.user_id for page in self.pages())
        if mine >= MOST_PAGES:
            raise TooManyPages(f"{MOST_PAGES} pages are open already: close some of them.")

    def attach(self, page: Page) -> Feed:
        """Take the page in; the snapshot is the first that it is sent."""
        viewer = Viewer.of(page.kind, page.principal)
        feed = self._feeds.get(viewer)
        if feed is None:
            feed = self._feeds[viewer] = Feed(viewer)
            self.refresh(feed)
        feed.pages.add(page)
        return feed

    def detach(self, page: Page, feed: Feed) -> None:
        feed.pages.discard(page)
        if not feed.pages and self._feeds.get(feed.viewer) is feed:
            del self._feeds[feed.viewer]

    def refresh(self, feed: Feed) -> None:
        """Compare with all that is so now, and tell what differs."""
        feed.tell(feed.store.replace(self._clock(), self._whole(feed.viewer)))

    def change(
        self, feed: Feed, put: Objects, remove: dict[str, Iterable[str]] | None = None
    ) -> None:
        """Tell the feed's pages what of this is new to them."""
        feed.tell(feed.store.change(self._clock(), put, remove))

    def feeds(self, kind: PageKind, agent_id: int | None = None) -> tuple[Feed, ...]:
        """The feeds of this kind, all or one agent's."""
        return tuple(
            feed
            for viewer, feed in self._feeds.items()
            if viewer.kind == kind and agent_id in (None, viewer.agent_id)
        )

    def pages(self) -> Iterator[Page]:
        for feed in self._feeds.values():
            yield from feed.pages

    def count(self, kind: PageKind) -> int:
        """Pages of this kind that are open."""
        return sum(len(feed.pages) for feed in self.feeds(kind))

    def snapshot(self, feed: Feed) -> bytes:
        return feed.store.snapshot(self._clock())

    def heartbeat(self) -> None:
        """A sign of life to every page."""
        for feed in self._feeds.values():
            feed.tell(feed.store.heartbeat(self._clock()))

    def tell_stock(self, skus: Iterable[str]) -> None:
        """Which products' stock changed, to the pages of those who may see it; what it is now they ask for."""
        named = json.dumps(list(skus), separators=(",", ":"))
        for feed in self.feeds("sidebar"):
            if Right.ORDER_VIEW in feed.viewer.rights:
                feed.tell(feed.store.stock(self._clock(), named))

    def close_session(self, token: str) -> None:
        """Close the pages of a session that is over."""
        for page in tuple(self.pages()):
            if page.token == token:
                page.close(SESSION_ENDED)

    def close(self) -> None:
        """Close every page: the daemon stops."""
        for page in tuple(self.pages()):
            page.close(GOING_AWAY)
