"""Alembic's environment: runs on the connection and the metadata that `crm_core.schema` gives it.

Rule: it opens no connection of its own and reads no configuration file.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
