-- What the traces of vowd and the shop (docs/trace.md) say together: a finding a line. @nodes is the folder of theirs.
CREATE TABLE told AS SELECT column1 AS node, value->>'t_us' AS t, value->>'what' AS what, value->>'id' AS id,
    value->>'outcome' AS outcome
    FROM (VALUES ('vowd'), ('order'), ('stock'), ('payment')), json_each('[' || replace(rtrim(
        CAST(readfile(@nodes || '/' || column1 || '/trace.jsonl') AS TEXT), char(10)), char(10), ',') || ']');
CREATE TABLE decided AS SELECT id, min(t) AS t FROM told WHERE what = 'decided' AND outcome = 'commit' GROUP BY id;
CREATE INDEX by_id ON told (id, what);
SELECT 'nothing was decided' WHERE NOT EXISTS (SELECT 1 FROM decided);
SELECT 'decided before ' || node || ' had promised', id FROM decided d JOIN told p USING (id)
    WHERE p.what = 'yes' AND p.t > d.t;
SELECT 'done at ' || node || ' before it was decided', id FROM decided d JOIN told p USING (id)
    WHERE p.what = 'applied' AND p.t < d.t;
-- Who died with what it had done has not told of it; that it does not find it again does.
SELECT 'ended before it was done at ' || y.node, id FROM decided JOIN told e USING (id) JOIN told y USING (id)
    WHERE e.what = 'ended' AND y.what = 'yes'
        AND NOT EXISTS (SELECT 1 FROM told p WHERE p.id = y.id AND p.what = 'applied' AND p.node = y.node AND p.t <= e.t)
        AND NOT EXISTS (SELECT 1 FROM told l WHERE l.id IS NULL AND l.what = 'life' AND l.node = y.node AND l.t > y.t
            AND l.t <= e.t);
-- A vowd that dies may not have told of an end; but what somebody still had to do when it came back it has to end.
SELECT 'decided, and never ended, for ' || y.node, id FROM decided d JOIN told y USING (id)
    WHERE y.what = 'yes' AND id NOT IN (SELECT id FROM told WHERE what = 'ended')
        AND NOT EXISTS (SELECT 1 FROM told p WHERE p.id = y.id AND p.what = 'applied' AND p.node = y.node
            AND p.t < (SELECT max(t) FROM told WHERE node = 'vowd' AND what = 'life'));
