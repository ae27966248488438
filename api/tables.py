"""What the database holds: ids, owners, states, times, numbers and hashes of secrets.

No file names, no words, no telephone numbers, and no hash by which a recording that somebody
else has could be recognised: those are files in the vault. Times are seconds since 1970 (UTC)
by the database's clock. Changes go into `migrations/versions` as well.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

__all__ = ["HEAD", "STATES", "idempotency", "installation", "keys", "metadata", "recordings"]

HEAD = "0001"
"""The newest revision in `migrations/versions`."""
STATES = ("queued", "running", "done", "failed", "deleting")

metadata = MetaData()

recordings = Table(
    "recordings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("changed_at", Float(53), nullable=False),
    Column("finished_at", Float(53)),
    Column("expires_at", Float(53)),
    Column("bytes", BigInteger, nullable=False),
    Column("same", String(64)),  # HMAC of content and options under the operator's key
    Column("version", Integer, nullable=False, default=0),
    Column("step", String(32)),
    Column("done_s", Float(53)),
    Column("total_s", Float(53)),
    Column("error", String(32)),  # a kind as "bad_input"; its sentence is in the vault
    Column("attempts", Integer, nullable=False, default=0),
    Column("token", String(32)),  # of the attempt that runs
    Column("server", String(32)),  # which runs it
    Column("lease_until", Float(53)),
    Column("result", String(32)),  # the attempt that was published
    Index("recordings_same", "owner", "same", unique=True),
    Index("recordings_list", "owner", "created_at", "id"),
    Index("recordings_state", "state", "created_at"),
    Index("recordings_changed", "changed_at"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),  # HMAC
    Column(
        "recording",
        String(32),
        ForeignKey("recordings.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("hash", String(64), nullable=False),  # SHA-256 of a secret of 256 bits
    Column("created_at", Float(53), nullable=False),
    Column("revoked_at", Float(53)),
)

installation = Table(
    "installation",
    metadata,
    Column("id", String(32), primary_key=True),  # the same stands in the data folder
)
