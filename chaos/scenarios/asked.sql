-- Whether somebody in doubt has heard of the decision while the coordinator was away: a finding if nobody has. What was
-- on its way when the coordinator died is done at once, and does not count. @nodes is the folder of the traces.
CREATE TABLE told AS SELECT column1 AS node, value->>'t_us' AS t, value->>'what' AS what, value->>'id' AS id,
    value->>'outcome' AS outcome
    FROM (VALUES ('vowd'), ('stock'), ('payment')), json_each('[' || replace(rtrim(
        CAST(readfile(@nodes || '/' || column1 || '/trace.jsonl') AS TEXT), char(10)), char(10), ',') || ']');
CREATE INDEX by_node ON told (node, what);
SELECT 'nobody in doubt has heard from another what was decided' WHERE NOT EXISTS (
    SELECT 1 FROM told gone JOIN told yes ON yes.node = gone.node JOIN told done ON done.node = yes.node AND done.id = yes.id
    WHERE gone.what = 'parted' AND yes.what = 'yes' AND done.what = 'applied' AND done.outcome = 'commit'
        AND yes.t < gone.t AND done.t > gone.t + 300000
        AND done.t < (SELECT min(back.t) FROM told back WHERE back.node = 'vowd' AND back.what = 'life' AND back.t > gone.t));
