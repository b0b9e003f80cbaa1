"""A message that is said on the telephone. Rule: told is who heard it; who was not reached is called again within
the limits of the line, which knows calling hours and the do-not-call list.
"""

from crm_core.outbox.ports import NEVER, Message, VoiceLine
from crm_core.outbox.wording import WordBook


class VoiceNotifier:
    channel = "voice"
    removes_doubles_within = NEVER

    def __init__(self, line: VoiceLine, words: WordBook) -> None:
        self._line = line
        self._words = words

    async def send(self, message: Message) -> str:
        """Returns what the line says of the call. Raises NotSent, NotNow, MaybeSent."""
        words = await self._words.of(message, self.channel)
        text = " ".join(line.strip() for line in words.body.splitlines() if line.strip())
        return await self._line.say(message.token, message.recipient, text, message.language)
