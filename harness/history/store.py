"""The store of a history: runs and their figures, appended and never changed.

Where:    an SQLite file by default, any database that SQLAlchemy knows by URL (PostgreSQL for
    several machines; the extra `postgres` has its driver).
Grows:    the database itself refuses to change or delete a row: triggers in SQLite; elsewhere it is
    the administrator who grants INSERT and SELECT, and nothing else. Adding a run twice changes
    nothing; adding another run under an id that is there is refused.
Threads:  one Store a thread. Processes may share the file: SQLite locks it, WAL lets others read.
Errors:   HistoryError, one line that names the place; exit code 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from harness.errors import RedlineError, printable
from harness.history.entry import Entry, Metric

VARIABLE = "REDLINE_HISTORY"
FILE = "history.db"
SCHEMA = 1
_BUSY_MS = 10_000  # another run is being added

_metadata = sa.MetaData()
_schema = sa.Table("redline_schema", _metadata, sa.Column("version", sa.Integer, primary_key=True))
_run = sa.Table(
    "run",
    _metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("started_utc", sa.String(30), nullable=False, index=True),
    sa.Column("scenario", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("is_qualified", sa.Boolean, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False, index=True),
    sa.Column("parts", sa.JSON, nullable=False),
    sa.Column("sums_sha256", sa.String(64), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
)
_metric = sa.Table(
    "metric",
    _metadata,
    sa.Column("run_id", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("key", sa.String(400), primary_key=True, index=True),
    sa.Column("id", sa.String(80), nullable=False),
    sa.Column("unit", sa.String(16), nullable=False),
    sa.Column("statistic", sa.String(16)),
    sa.Column("value", sa.Float),
    sa.Column("p50", sa.Float),
    sa.Column("state", sa.String(16)),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("lower_is_better", sa.Boolean, nullable=False),
)
for _table in (_run, _metric):
    for _act in ("UPDATE", "DELETE"):
        event.listen(
            _table,
            "after_create",
            sa.DDL(  # type: ignore[no-untyped-call]
                f"CREATE TRIGGER no_{_act.lower()}_of_{_table.name} BEFORE {_act} ON {_table.name} "
                "BEGIN SELECT RAISE(ABORT, 'a history only grows'); END"
            ).execute_if(dialect="sqlite"),
        )


class HistoryError(RedlineError):
    """A history that cannot be opened, read or added to."""


class Store:
    """A history, open. As a context it closes itself."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    @classmethod
    def open(cls, where: str | Path) -> Store:
        """The history at a path or URL, made when it is not there. HistoryError says why not."""
        name = _shown(where)
        try:
            url = sa.make_url(str(where)) if "://" in str(where) else _of_file(Path(where))
            engine = sa.create_engine(url)
        except (NoSuchModuleError, ImportError) as error:
            raise HistoryError(f"{name}: no driver for it: {printable(str(error))}") from None
        except ArgumentError:
            raise HistoryError(f"{name}: not a path and not a database URL") from None
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare)
        store = cls(engine, name)
        with store._named():
            _metadata.create_all(engine)
            with engine.begin() as connection:
                version = connection.scalar(sa.select(_schema.c.version))
                if version is None:
                    connection.execute(_schema.insert().values(version=SCHEMA))
        if version not in (None, SCHEMA):
            raise HistoryError(f"{name}: a history of version {version}, this is version {SCHEMA}")
        return store

    def add(self, entry: Entry) -> bool:
        """Append a run; False when it is there already. HistoryError when another one is."""
        with self._named(), self._engine.begin() as connection:
            known = connection.scalar(sa.select(_run.c.sums_sha256).where(_run.c.id == entry.id))
            if known == entry.sums_sha256:
                return False
            if known is not None:
                raise HistoryError(
                    f"{self._name}: another run {entry.id} is in it already ({known[:16]}..., "
                    f"not {entry.sums_sha256[:16]}...)"
                )
            row = {name: getattr(entry, name) for name in _run.columns.keys()}  # noqa: SIM118
            row |= {"parts": dict(entry.parts), "facts": dict(entry.facts)}
            connection.execute(_run.insert().values(row))
            metrics = [{"run_id": entry.id, **asdict(one)} for one in _once(entry.metrics)]
            if metrics:
                connection.execute(_metric.insert(), metrics)
        return True

    def runs(self, fingerprint: str | None = None) -> list[Entry]:
        """All runs, oldest first; of one environment where its fingerprint is given."""
        wanted = sa.select(_run).order_by(_run.c.started_utc, _run.c.id)
        if fingerprint is not None:
            wanted = wanted.where(_run.c.fingerprint == fingerprint)
        with self._named(), self._engine.connect() as connection:
            rows = connection.execute(wanted).mappings().all()
            found: dict[str, list[Metric]] = {row["id"]: [] for row in rows}
            for one in connection.execute(sa.select(_metric).order_by(_metric.c.key)).mappings():
                if one["run_id"] in found:
                    known = {k: v for k, v in one.items() if k != "run_id"}
                    found[one["run_id"]].append(Metric(**known | {"values": tuple(one["values"])}))
        return [Entry(**row, metrics=tuple(found[row["id"]])) for row in rows]

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What the database says against it, in one line."""
        try:
            yield
        except DBAPIError as error:
            said = printable(str(error.orig).splitlines()[0])
            raise HistoryError(f"{self._name}: {said}") from None
        except (SQLAlchemyError, json.JSONDecodeError) as error:
            raise HistoryError(f"{self._name}: {printable(str(error).splitlines()[0])}") from None


def _of_file(path: Path) -> sa.URL:
    if path.is_dir():
        raise HistoryError(f"{path}: is a directory, a history is a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return sa.URL.create("sqlite", database=str(path))


def _shown(where: str | Path) -> str:
    """As it is called in messages: a URL without its password."""
    try:
        return sa.make_url(str(where)).render_as_string() if "://" in str(where) else str(where)
    except ArgumentError:
        return printable(str(where))


def _prepare(connection: object, record: object) -> None:
    """Others may read while one writes, and one waits for another."""
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _once(metrics: Sequence[Metric]) -> list[Metric]:
    """One of each key: regimes of one name and load can be measured twice; the first counts."""
    return list({one.key: one for one in reversed(metrics)}.values())[::-1]
