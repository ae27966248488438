"""The first tables.

Written out rather than taken from `api.tables`, which goes on to change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("changed_at", sa.Float(53), nullable=False),
        sa.Column("finished_at", sa.Float(53)),
        sa.Column("expires_at", sa.Float(53)),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("same", sa.String(64)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("step", sa.String(32)),
        sa.Column("done_s", sa.Float(53)),
        sa.Column("total_s", sa.Float(53)),
        sa.Column("error", sa.String(32)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("server", sa.String(32)),
        sa.Column("lease_until", sa.Float(53)),
        sa.Column("result", sa.String(32)),
    )
    op.create_index("recordings_same", "recordings", ["owner", "same"], unique=True)
    op.create_index("recordings_list", "recordings", ["owner", "created_at", "id"])
    op.create_index("recordings_state", "recordings", ["state", "created_at"])
    op.create_index("recordings_changed", "recordings", ["changed_at"])
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column(
            "recording",
            sa.String(32),
            sa.ForeignKey("recordings.id", ondelete="CASCADE"),
            nullable=False,
        ),
    )
    op.create_index("ix_idempotency_recording", "idempotency", ["recording"])
    op.create_table(
        "keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("revoked_at", sa.Float(53)),
    )
    op.create_table("installation", sa.Column("id", sa.String(32), primary_key=True))


def downgrade() -> None:
    """Drop the tables."""
    for name in ("installation", "keys", "idempotency", "recordings"):
        op.drop_table(name)
