"""A file handed in and taken in, and what came of it."""

from crm_core.rights import SYSTEM
from tests.crm_core.crm_core_support import person

ADMIN = person("admin", 1)


async def take_in(imports, file, actor=ADMIN, plan=None):
    preview = await imports.hand_in(actor, file.name, file)
    await imports.start(actor, preview.job.id, plan)
    return await imports.run(preview.job.id)


async def why(imports, job):
    return {row.row: row.reasons for row in await imports.refusals(ADMIN, job.id)}


async def one(search, customers, name):
    (hit,) = [hit for hit in await search.quick(SYSTEM, name) if hit.name == name]
    return await customers.get(SYSTEM, hit.id)
