"""Whoever approved orders until now goes on doing so; invoices stand in the period in which they are issued."""

from collections.abc import Sequence

from alembic import op

revision: str = "0029"
down_revision: str | Sequence[str] | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_LIMITS = """\
INSERT INTO order_review_limits (role_code)
SELECT role_code FROM role_rights WHERE right_code = 'order.review'
ON CONFLICT DO NOTHING"""
_PERIOD = """\
CREATE OR REPLACE FUNCTION invoices_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.issued_at IS NOT NULL THEN
        PERFORM accounting_period_open(OLD.issued_at);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.issued_at IS NOT NULL THEN
        PERFORM accounting_period_open(NEW.issued_at);
    END IF;
    RETURN NULL;
END $$"""
_TRIGGER = """\
CREATE OR REPLACE TRIGGER invoices_period AFTER INSERT OR DELETE OR UPDATE OF
    state, issued_at, code, number, gross, net, tax, kind, order_id, red_of ON invoices
    FOR EACH ROW EXECUTE FUNCTION invoices_period()"""


def upgrade() -> None:
    for statement in (_LIMITS, _PERIOD, _TRIGGER):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION invoices_period() CASCADE")
