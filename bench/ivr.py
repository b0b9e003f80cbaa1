"""Callers through three menus and a look for whose number it is, to a good-bye, beside the same in plain dialplan: calls that
are hung up on in time after the last key, per second, at rising rates.

Rule: both play the same prompts and ask the same PostgreSQL, the dialplan by Asterisk's own `REALTIME`. The peer writes no
record, knows no versions, hours or languages, and tells nobody, nor does it bound how many hear something at once: here
neither does. A way's figure is its best rate, the median of the rounds.
"""

import asyncio
import re
import statistics
import wave

from bench.calls import rise
from bench.exchange import AGENTS, LEVELS, MENUS, Exchange, Step, exchange
from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from zongji.installation import Installation
from zongji.platform.postgres import EmbeddedPostgres

RATES = (60, 80, 100, 120, 140, 160, 180, 200, 220)
SECONDS, ROUNDS = 6.0, 2
PLAIN = "4008000005"
_WAYS = {"dialplan": PLAIN, "Zongji": MENUS}
_LATE_MS = 500.0
_GOODBYE = "thank_you"
_VIEW = """
    CREATE VIEW whose_number AS
    SELECT p.number, c.id::text AS id, c.name, c.level_code AS level
    FROM customer_phones p JOIN customers c ON c.id = p.customer_id
"""


def main() -> None:
    asyncio.run(_measure())


async def _measure() -> None:
    rounds: dict[str, list[list[Step]]] = {way: [] for way in _WAYS}
    async with exchange(agents=AGENTS[:1], prepare=_write_plain_menus) as parts:
        within_ms = 1000 * _seconds_of_goodbye(parts) + _LATE_MS
        for _ in range(ROUNDS):
            for way, did in _WAYS.items():
                if way == "Zongji":
                    await parts.daemon.start()
                    await parts.settled()
                steps = await rise(
                    parts, way, did, RATES, SECONDS, scenario="menu_caller", within_ms=within_ms
                )
                rounds[way].append(steps)
            await parts.daemon.stop()
    best = {
        way: [max(steps, key=lambda step: step.per_second) for steps in measured]
        for way, measured in rounds.items()
    }
    cps = {way: statistics.median(s.per_second for s in steps) for way, steps in best.items()}
    cpu = statistics.median(sum(step.cpu_ms) for step in best["Zongji"])
    plain = statistics.median(sum(step.cpu_ms) for step in best["dialplan"])
    print(
        f"BENCH ivr ratio={cps['Zongji'] / cps['dialplan']:.2f} cps={cps['Zongji']:.0f} "
        f"dialplan_cps={cps['dialplan']:.0f} cpu_ms_per_call={cpu:.1f} dialplan_cpu_ms={plain:.1f}"
    )


def _seconds_of_goodbye(parts: Exchange) -> float:
    path = PromptLibrary(parts.installation.prompts).path(_GOODBYE, "zh")
    with wave.open(f"{path}.wav") as sound:
        return float(sound.getnframes() / sound.getframerate())


def _write_plain_menus(installation: Installation, postgres: EmbeddedPostgres) -> None:
    """The same menus without the daemon, with the customer from PostgreSQL by Asterisk's own connection."""
    with installation.settings_file.open("a") as settings:
        settings.write("\n[capacity]\nwords = 5000\n")
    postgres.execute(_VIEW)
    etc = installation.pbx.etc
    modules = etc / "modules.conf"
    wanted = r"^noload = (func_realtime|res_config_pgsql|res_realtime)\.so\n"
    modules.write_text(re.sub(wanted, "", modules.read_text(), flags=re.MULTILINE))
    (etc / "extconfig.conf").write_text("[settings]\nwhose => pgsql,zongji,whose_number\n")
    (etc / "res_pgsql.conf").write_text(
        f"[general]\ndbhost = 127.0.0.1\ndbport = {postgres.port}\ndbname = zongji\n"
        f"dbuser = postgres\ndbpass = {postgres.password}\nrequirements = warn\n"
    )
    library = PromptLibrary(installation.prompts)
    menus = load_line(installation.var / "line.yaml")[1]
    said = [library.of_line(menus, f"menu_{level}", "zh") for level in LEVELS]
    goodbye = library.path(_GOODBYE, "zh")
    lines = [
        "[from-trunk]",
        f"exten => {PLAIN},1,Set(WHOSE=${{REALTIME(whose,number,${{FILTER(0-9,${{CALLERID(num)}})}})}})",
        " same => n,Answer()",
        " same => n,Goto(level1,s,1)",
        "",
    ]
    for level, prompt in enumerate(said, 1):
        then = f"level{level + 1},s,1" if level < len(said) else "goodbye,s,1"
        lines += [
            f"[level{level}]",
            f"exten => s,1,Background({prompt})",
            " same => n,WaitExten(5)",
            f"exten => {level},1,Goto({then})",
            "exten => i,1,Goto(s,1)",
            "exten => t,1,Goto(goodbye,s,1)",
            "",
        ]
    lines += ["[goodbye]", f"exten => s,1,Playback({goodbye})", " same => n,Hangup()", "", ""]
    extensions = etc / "extensions.conf"
    extensions.write_text(
        extensions.read_text().replace("[from-trunk]\n", "\n".join(lines[:4]) + "\n", 1)
        + "\n"
        + "\n".join(lines[4:])
    )


if __name__ == "__main__":
    main()
