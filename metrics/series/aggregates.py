"""The SQL that computes buckets, in words that SQLite and PostgreSQL share as far as they can.

Each statement begins with spans as VALUES; times are epoch ms, `low` and `high` are edges of buckets. What a sum takes
is tamed first: values near the end of the float range would overflow, which PostgreSQL refuses and SQLite makes NULL,
and either would stop the roll-ups of all series.
"""

from __future__ import annotations

from metrics.series.horizons import COARSEST, FINEST, HOUR_MS

MS = FINEST * 1000

# `high` becomes the end of the next bucket that has samples: the first step in it begins in the span. `start` is the
# last sample before the span; where there is none any more, `level` is what the series came to in an hour before.
SURROUNDINGS = f"""
    WITH span(series_id, low, high) AS ({{values}})
    SELECT span.series_id, span.low,
        COALESCE(((SELECT MIN(s.ts) FROM metrics_sample s
                   WHERE s.series_id = span.series_id AND s.ts >= span.high) / {MS} + 1) * {MS}, span.high),
        COALESCE((SELECT MAX(s.ts) FROM metrics_sample s
                  WHERE s.series_id = span.series_id AND s.ts < span.low AND s.ts >= span.low - {HOUR_MS}),
                 (SELECT MAX(s.ts) FROM metrics_sample s
                  WHERE s.series_id = span.series_id AND s.ts < span.low), span.low),
        (SELECT r."last" FROM metrics_rollup r
         WHERE r.series_id = span.series_id AND r.res = {COARSEST} AND r.t <= span.low - {HOUR_MS}
         ORDER BY r.t DESC LIMIT 1)
    FROM span
"""  # noqa: S608

# One series after the other and by time, so that a sum of floats is the same whenever it is computed.
SAMPLES = {
    "sqlite": """
        CROSS JOIN metrics_sample s ON s.series_id = span.series_id AND s.ts >= span.start AND s.ts < span.high
    """,
    "postgresql": """
        CROSS JOIN LATERAL (SELECT * FROM metrics_sample one WHERE one.series_id = span.series_id
                            AND one.ts >= span.start AND one.ts < span.high ORDER BY one.ts) s
    """,
}
BUCKETS = {
    "sqlite": """
        CROSS JOIN metrics_rollup r ON r.series_id = span.series_id AND r.res = {finer}
            AND r.t >= span.low AND r.t < span.high
    """,
    "postgresql": """
        CROSS JOIN LATERAL (SELECT * FROM metrics_rollup one WHERE one.series_id = span.series_id AND one.res = {finer}
                            AND one.t >= span.low AND one.t < span.high ORDER BY one.t) r
    """,
}

INSERT = """
    INSERT INTO metrics_rollup (series_id, res, t, n, "sum", "min", "max", "first", "last", last_ts, inc)
"""
# A bucket's samples only ever become more, until they expire: what has fewer was computed from what was left of them.
REPLACE = """
    ON CONFLICT (series_id, res, t) DO UPDATE SET n = excluded.n, "sum" = excluded."sum", "min" = excluded."min",
        "max" = excluded."max", "first" = excluded."first", "last" = excluded."last", last_ts = excluded.last_ts,
        inc = excluded.inc
    WHERE excluded.n >= metrics_rollup.n
"""
TAME = "CASE WHEN {0} > 1e300 THEN 1e300 WHEN {0} < -1e300 THEN -1e300 ELSE {0} END"

# A fall of a counter is a reset: it began again at 0.
FROM_SAMPLES = f"""
    WITH span(series_id, low, high, start, level) AS ({{values}}),
    raw AS (
        SELECT s.series_id, s.ts, s.ts / {MS} * {MS} AS t, s.value, {TAME.format("s.value")} AS tame, span.low,
            CAST(span.level AS double precision) AS level
        FROM span {{samples}}
    ), step AS (
        SELECT raw.*, COALESCE(LAG(tame) OVER (PARTITION BY series_id, low ORDER BY ts), {TAME.format("level")})
            AS prior
        FROM raw
    ), bucket AS (
        SELECT series_id, t, COUNT(*) AS n, SUM(tame) AS sum, MIN(value) AS min, MAX(value) AS max,
            MIN(ts) AS first_ts, MAX(ts) AS last_ts,
            SUM(CASE WHEN prior IS NULL THEN 0.0 WHEN tame < prior THEN tame ELSE tame - prior END) AS inc
        FROM step WHERE ts >= low GROUP BY series_id, t
    )
    {INSERT}
    SELECT b.series_id, {FINEST}, b.t, b.n, b.sum, b.min, b.max,
        (SELECT s.value FROM metrics_sample s WHERE s.series_id = b.series_id AND s.ts = b.first_ts),
        (SELECT s.value FROM metrics_sample s WHERE s.series_id = b.series_id AND s.ts = b.last_ts),
        b.last_ts, b.inc
    FROM bucket b WHERE true
    {REPLACE}
"""  # noqa: S608
FROM_BUCKETS = f"""
    WITH span(series_id, low, high) AS ({{values}}),
    bucket AS (
        SELECT r.series_id, r.t / {{ms}} * {{ms}} AS t, SUM(r.n) AS n, SUM(r."sum") AS sum, MIN(r."min") AS min,
            MAX(r."max") AS max, MIN(r.t) AS first_t, MAX(r.t) AS last_t, MAX(r.last_ts) AS last_ts, SUM(r.inc) AS inc
        FROM span {{buckets}}
        GROUP BY r.series_id, r.t / {{ms}} * {{ms}}
    )
    {INSERT}
    SELECT b.series_id, {{res}}, b.t, b.n, b.sum, b.min, b.max,
        (SELECT r."first" FROM metrics_rollup r
         WHERE r.series_id = b.series_id AND r.res = {{finer}} AND r.t = b.first_t),
        (SELECT r."last" FROM metrics_rollup r
         WHERE r.series_id = b.series_id AND r.res = {{finer}} AND r.t = b.last_t),
        b.last_ts, b.inc
    FROM bucket b WHERE true
    {REPLACE}
"""  # noqa: S608
