"use strict";
/*
 * The report of vow-chaos compare. All that it shows is in #results; every text of it goes in as text, never as HTML. A figure has data-arm and data-metric, so that a reader with a program finds it, too.
 */
(() => {
    const results = JSON.parse(document.getElementById("results").textContent);
    const report = document.getElementById("report");
    const metrics = new Map(results.metrics.map((metric) => [metric.word, metric]));
    const redraws = [];

    /* --- Small things --- */

    const make = (tag, attributes, ...children) => {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes || {}))
            element.setAttribute(name, value);
        element.append(...children);
        return element;
    };
    const draw = (tag, attributes, text) => {
        const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
        for (const [name, value] of Object.entries(attributes))
            element.setAttribute(name, value);
        if (text !== undefined)
            element.textContent = text;
        return element;
    };
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

    /* Three digits are what the intervals bear. */
    const digits = (number) => {
        if (number === null || number === undefined)
            return "–";
        if (Math.abs(number) >= 1000)
            return number.toLocaleString("en", {maximumFractionDigits: 0});
        return String(Number(number.toPrecision(3)));
    };
    /* Results of an older version may not have all of them. */
    const nothing = {mid: null, low: null, high: null, runs: 0, at_least: false};
    const of = (arm, word) => arm.summary[word] || nothing;
    const mid = (arm, word) => of(arm, word).mid;
    const figure = (arm, word) => (of(arm, word).at_least ? "≥ " : "") + digits(mid(arm, word));
    const shown = (arm, word) => make("span", {"data-arm": arm.word, "data-metric": word}, figure(arm, word));
    const seconds = (arm, word) => {
        const ms = mid(arm, word);
        return ms === null ? "–" : (of(arm, word).at_least ? "at least " : "") + digits(ms / 1000) + "\u00a0s";
    };
    const known = (arm, word) => mid(arm, word) !== null;
    const leaking = ["dirty_reads", "lost_updates", "fuzzy_reads", "write_skews"];
    const leaks = (arm) => leaking.reduce((sum, word) => sum + (mid(arm, word) || 0), 0);
    const measured = results.arms.filter((arm) => arm.summary.goodput.runs > 0);
    const looked = measured.filter((arm) => known(arm, "dirty_reads"));

    /* --- The first screen: in words. Each arm's figures are in the picture beside. --- */

    const percent = (arm, word) => digits(100 * mid(arm, word)) + "\u00a0%";
    const none = (text) => make("p", {class: "soft"}, text);
    const list = (arms, say) => arms.flatMap((arm, i) => [i ? ", " : "", make("b", {}, arm.word), say ? " " + say(arm) : ""]);
    const most = (arms, size) => [...arms].sort((a, b) => size(b) - size(a))[0];
    const least = (arms, size) => [...arms].sort((a, b) => size(a) - size(b))[0];
    const NAMED = 4; /* so many arms at most stand in a sentence */
    const para = (...parts) => make("p", {}, ...parts.flat(Infinity));

    const blocked = () => {
        const arms = measured.filter((arm) => mid(arm, "unavailable") > 0).sort((a, b) => mid(b, "unavailable") - mid(a, "unavailable"));
        const free = measured.filter((arm) => mid(arm, "unavailable") === 0);
        const waited = most(arms.filter((arm) => mid(arm, "blast_mean") > 0), (arm) => mid(arm, "blast_mean"));
        if (!arms.length)
            return [none("Nothing.")];
        return [para("Of all row-time, orders in doubt (or marks of sagas) kept locked: ", list(arms.slice(0, NAMED), (arm) => percent(arm, "unavailable")),
            arms.length > NAMED ? "; less in " + (arms.length - NAMED) + " others" : "", ".",
            waited ? " One in doubt kept " + digits(mid(waited, "blast_mean")) + " others waiting (" + waited.word + ")." : "",
            free.length ? [" Nothing: ", list(free.slice(0, NAMED)), free.length > NAMED ? " and " + (free.length - NAMED) + " others." : "."] : "")];
    };
    const lasted = () => {
        const doubted = measured.filter((arm) => mid(arm, "in_doubt_max") > 0 && mid(arm, "unavailable") > 0.0001);
        const away = measured.filter((arm) => known(arm, "recovery_restart"));
        const parts = [];
        if (doubted.length)
            parts.push("In doubt at most: ", list(doubted.slice(0, NAMED), (arm) => seconds(arm, "in_doubt_max")), ". ");
        if (away.length)
            parts.push("The coordinator was away for " + seconds(away[0], "recovery_restart") +
                (known(away[0], "recovery_detect") ? " (noticed after " + digits(mid(away[0], "recovery_detect")) + " ms)" : "") + ". ");
        if (measured.length) {
            const [short, long] = [least(measured, gap), most(measured, gap)];
            parts.push("No order at all was done for " + seconds(short, "longest_gap") + " (" + short.word + ")" +
                (long === short ? "." : " to " + seconds(long, "longest_gap") + " (" + long.word + ")."));
        }
        return [para(parts)];
    };
    const leaked = () => {
        const arms = looked.filter((arm) => leaks(arm) > 0);
        const tight = looked.filter((arm) => leaks(arm) === 0);
        const half = measured.filter(shows);
        if (!looked.length)
            return [none("Nobody has looked: no reads were recorded.")];
        const worst = most(arms, leaks);
        return [para(arms.length ? ["Most: ", make("b", {}, worst.word), ", with ", shown(worst, "dirty_reads"), " dirty reads, ", shown(worst, "lost_updates"),
            " lost updates, ", shown(worst, "fuzzy_reads"), " fuzzy reads", known(worst, "write_skews") ? [" and ", shown(worst, "write_skews"), " write skews"] : "", " for 1,000 orders. "] : "Nothing. ",
            arms.length && tight.length ? ["No row leaked: ", list(tight.slice(0, NAMED)), ". "] : "",
            half.length ? "Whoever added up all books saw half an order in up to " + percent(most(half, (arm) => mid(arm, "audit_wrong")), "audit_wrong") +
                " of the looks (" + most(half, (arm) => mid(arm, "audit_wrong")).word + "); never: " +
                (measured.filter((arm) => mid(arm, "audit_wrong") === 0).map((arm) => arm.word).join(", ") || "nowhere") + "." : "")];
    };
    const range = (before, word, after) => {
        const arms = measured.filter((arm) => known(arm, word));
        if (!arms.length)
            return "";
        const [low, high] = [least(arms, (arm) => mid(arm, word)), most(arms, (arm) => mid(arm, word))];
        return [before, shown(low, word), after + " (" + low.word + ")", low === high ? ". " : [" to ", shown(high, word), after + " (" + high.word + "). "]];
    };
    const cost = () => [para(range("The median order is answered in ", "latency_p50", " ms"), range("It takes ", "fsyncs", " fsyncs"), range("It takes ", "msgs", " messages"))];

    /* The one that has least of it; of those that are as good, the one that has least of the second. */
    const best = (arms, first, second) => [...arms].sort((a, b) => first(a) - first(b) || second(a) - second(b))[0];
    const gap = (arm) => mid(arm, "longest_gap") || 0;
    const shows = (arm) => mid(arm, "audit_wrong") > 0; /* half an order, to whoever looks at all books */
    const stop = (arm) => mid(arm, "unavailable") || 0;
    /* Who is worse by no more than chance may make of so few runs: the intervals of the two overlap. A sum has that of its parts. */
    const within = (arm, words) => ["low", "high"].map((end) => words.reduce((sum, word) => sum + (of(arm, word)[end] || 0), 0));
    const asGood = (arms, arm, words) => {
        const [low, high] = within(arm, words);
        return arms.filter((other) => other !== arm && of(other, words[0]).runs > 1 && within(other, words)[0] <= high && within(other, words)[1] >= low);
    };
    const choose = () => {
        const items = [];
        /* An order of one phase asks nobody else: that is another question. */
        const asking = measured.filter((arm) => arm.protocol !== "outbox");
        const single = measured.find((arm) => arm.protocol === "outbox");
        const clean = looked.filter((arm) => asking.includes(arm) && leaks(arm) === 0 && !shows(arm));
        const sure = clean.filter((arm) => known(arm, "audit_wrong"));
        const tight = sure.length ? sure : clean;
        const free = asking.filter((arm) => stop(arm) <= 0.0001);
        const add = (when, arm, why, others) => items.push(make("li", {}, when + ": ", make("b", {}, arm.word), " (" + why + ")",
            ...(others.length ? ["; by these runs as good: ", ...list(others.slice(0, NAMED)), others.length > NAMED ? " and " + (others.length - NAMED) + " others" : ""] : [])));
        if (tight.length) {
            const arm = best(tight, stop, gap);
            add(sure.length ? "Nobody may see half an order, or build on what is undone later" : "Nobody may build on what is undone later", arm,
                "nothing leaked; " + percent(arm, "unavailable") + " of row-time was blocked" + (sure.length ? "" : "; whether anybody sees half an order was not looked at"),
                asGood(tight, arm, ["unavailable"]));
        }
        if (free.length) {
            const arm = best(free, leaks, gap);
            add("No row may wait for somebody who is away", arm, known(arm, "dirty_reads") ? digits(leaks(arm)) + " anomalies for 1,000 orders" : "whether it leaks was not looked at",
                known(arm, "dirty_reads") ? asGood(free, arm, leaking) : []);
        }
        if (asking.length) {
            const arm = best(asking, (one) => -(mid(one, "goodput") || 0), stop);
            add("As many orders as possible, outage and all", arm, digits(mid(arm, "goodput")) + " a second", asGood(asking, arm, ["goodput"]));
        }
        const priced = asking.filter((arm) => known(arm, "fsyncs"));
        if (priced.length) {
            const arm = best(priced, (one) => mid(one, "fsyncs"), (one) => mid(one, "msgs"));
            add("Each order must cost little", arm, digits(mid(arm, "fsyncs")) + " fsyncs, " + digits(mid(arm, "msgs")) + " messages", asGood(priced, arm, ["fsyncs"]));
        }
        if (single)
            add("No other service can refuse", single, digits(leaks(single)) + " anomalies for 1,000 orders; the others hear of it later", []);
        return [items.length ? make("ul", {}, ...items) : none("No run was valid.")];
    };

    /* --- The first screen: in one picture. A line for each arm, and beside it a bar for each question. --- */

    const picture = () => {
        const row = 25, top = 42, label = 152, panel = 118, bar = 72, gutter = 8;
        const panels = [
            {title: "blocked", unit: "% of row-time", words: ["unavailable"], scale: 100, names: ["blocks"]},
            {title: "in doubt", unit: "s at most", words: ["in_doubt_max"], scale: 0.001, names: ["blocks"]},
            {title: "no order done", unit: "s at most", words: ["longest_gap"], scale: 0.001, names: ["soft"]},
            {title: "leaked", unit: "for 1,000 orders", words: leaking, scale: 1, names: leaking.map((word) => word.split("_")[0])},
            {title: "cost", unit: "fsyncs of an order", words: ["fsyncs"], scale: 1, names: ["cost"]}
        ];
        const width = label + panels.length * (panel + gutter), height = top + row * measured.length + 4;
        const svg = draw("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", class: "summary",
            "aria-label": "For each arm how much it blocks, for how long, how much it leaks and what it costs"});
        const sum = (arm, part, field) => part.words.reduce((total, word) => total + (of(arm, word)[field] || 0), 0) * part.scale;
        measured.forEach((arm, i) => {
            const y = top + i * row;
            if (i % 2 === 0)
                svg.append(draw("rect", {x: 0, y: y - 3, width, height: row, style: "fill: var(--panel)"}));
            svg.append(draw("text", {x: label - 8, y: y + 14, "text-anchor": "end"}, arm.word));
        });
        panels.forEach((part, k) => {
            const x0 = label + k * (panel + gutter) + gutter;
            const longest = Math.max(...measured.map((arm) => sum(arm, part, "mid")), 1e-9);
            svg.append(draw("text", {x: x0, y: 14, class: "title"}, part.title), draw("text", {x: x0, y: 28, class: "soft"}, part.unit),
                draw("line", {x1: x0 - 0.5, x2: x0 - 0.5, y1: top - 6, y2: height, style: "stroke: var(--line)"}));
            measured.forEach((arm, i) => {
                const y = top + i * row, isKnown = part.words.some((word) => known(arm, word));
                let x = x0;
                part.words.forEach((word, n) => {
                    const length = bar * (mid(arm, word) || 0) * part.scale / longest;
                    if (length > 0)
                        svg.append(draw("rect", {x, y: y + 2, width: length, height: 15, style: `fill: var(--${part.names[n]})`}));
                    x += length;
                });
                svg.append(draw("text", {x: x + 4, y: y + 14, class: isKnown ? "value" : "value soft"}, isKnown ? digits(sum(arm, part, "mid")) : "–"));
            });
        });
        const key = (name, text) => make("span", {class: "key"}, make("span", {style: `color: var(--${name})`}, "■ "), text);
        return make("figure", {id: "picture"}, svg, make("figcaption", {}, key("dirty", "dirty reads"), key("lost", "lost updates"), key("fuzzy", "fuzzy reads"), key("write", "write skews"),
            make("span", {}, "Medians of " + results.runs + (results.runs === 1 ? " run." : " runs each."))));
    };

    /* --- Charts --- */

    /* The times of faults lie behind the curve, shaded alike; what they are is said once, over the grid. */
    const shadeFaults = (faults) => (plot) => {
        const {ctx, bbox} = plot;
        ctx.save();
        ctx.fillStyle = color("fault");
        for (const fault of faults) {
            const from = Math.max(bbox.left, plot.valToPos(fault.from, "x", true));
            const to = Math.min(bbox.left + bbox.width, fault.to === null ? Infinity : plot.valToPos(fault.to, "x", true));
            ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height);
        }
        ctx.restore();
    };
    const nameFaults = (faults) => (plot) => {
        if (!faults.length)
            return;
        const {ctx, bbox} = plot;
        ctx.save();
        ctx.fillStyle = color("ink");
        ctx.font = 10 * devicePixelRatio + "px sans-serif";
        ctx.textAlign = "left";
        ctx.textBaseline = "bottom";
        ctx.fillText(faults[0].who + " " + faults[0].what, Math.max(bbox.left, plot.valToPos(faults[0].from, "x", true)), bbox.top - 2);
        ctx.restore();
    };
    const faultsPlugin = (faults) => ({hooks: {drawClear: [shadeFaults(faults)], draw: [nameFaults(faults)]}});
    const axis = (label) => ({label, labelSize: 16, size: 36, font: "11px sans-serif", labelFont: "11px sans-serif",
        stroke: () => color("soft"), grid: {stroke: () => color("line"), width: 1}, ticks: {stroke: () => color("line"), width: 1}});
    const chart = (place, title, curves, values, y, most, name) => {
        const box = make("div", {});
        place.append(make("div", {class: "chart"}, make("h3", {}, title), box));
        const x = values.map((_, i) => i * curves.bin_s);
        const build = () => {
            box.replaceChildren();
            new uPlot({width: Math.max(300, Math.min(345, place.clientWidth - 4)), height: 170, legend: {show: false}, cursor: {show: false},
                plugins: [faultsPlugin(curves.faults)], scales: {x: {time: false}, y: {range: [0, most]}},
                axes: [axis("s since the load began"), axis(y)],
                series: [{}, {stroke: color(name), width: 1.5, points: {show: false}}]}, [x, values], box);
        };
        build();
        redraws.push(build);
    };
    const drawn = results.arms.filter((arm) => arm.curves !== null);
    /* All charts of a row have one scale. What one of them catches up in a moment must not make lines of all others: a
     * few peaks go over the top. */
    const ceiling = (values) => {
        const sorted = [...values].sort((a, b) => a - b);
        return sorted.length ? Math.min(1.05 * sorted[sorted.length - 1], 1.4 * sorted[Math.floor(0.985 * (sorted.length - 1))] || Infinity) : 0;
    };
    const charts = (arms, pick, y, scale, name) => {
        const place = make("div", {class: "grid"});
        report.append(place);
        const most = Math.max(1e-9, ceiling(arms.flatMap((arm) => pick(arm.curves).map((value) => value * scale))));
        arms.forEach((arm) => chart(place, arm.word, arm.curves, pick(arm.curves).map((value) => value * scale), y, most, name));
    };
    const faultsInWords = () => {
        const arm = drawn.find((one) => one.curves.faults.length);
        if (!arm)
            return "No fault came.";
        return "Shaded: " + arm.curves.faults.map((fault) => `${fault.who} ${fault.what} from ${digits(fault.from)} s to ` +
            (fault.to === null ? "the end" : digits(fault.to) + " s")).join(", ") + " (" + arm.word + "; in other arms about then).";
    };

    const heat = (arm) => {
        const {rows, load} = {rows: arm.curves.heat, load: arm.curves.load_s};
        const height = 13, left = 190, width = 1080, bins = rows[0].parts.length, cell = (width - left) / bins;
        const svg = draw("svg", {viewBox: `0 0 ${width} ${rows.length * height + 22}`, role: "img", "aria-label": "Locked rows of " + arm.word});
        rows.forEach((row, i) => {
            svg.append(draw("text", {x: left - 8, y: i * height + 10, "text-anchor": "end", style: "font-size: 10px"}, (row.node + " " + row.key).slice(0, 34)));
            row.parts.forEach((part, k) => {
                if (part > 0)
                    svg.append(draw("rect", {x: left + k * cell, y: i * height, width: cell + 0.3, height: height - 1,
                        style: `fill: var(--blocks); fill-opacity: ${Math.max(0.08, Math.min(1, part))}`}));
            });
        });
        arm.curves.faults.forEach((fault) => {
            const at = (s) => left + (width - left) * Math.max(0, Math.min(1, s / load));
            const to = fault.to === null ? width : at(fault.to);
            svg.append(draw("rect", {x: at(fault.from), y: 0, width: Math.max(1, to - at(fault.from)), height: rows.length * height, style: "fill: var(--fault)"}));
        });
        const step = [0.5, 1, 2, 5, 10, 20, 60, 120, 300].find((s) => load / s <= 9) || 600;
        for (let s = 0; s <= load; s += step)
            svg.append(draw("text", {x: left + (width - left) * s / load, y: rows.length * height + 14, "text-anchor": s > 0.98 * load ? "end" : "middle", class: "soft"}, digits(s) + " s"));
        return make("figure", {}, make("h3", {}, arm.word), svg);
    };

    /* --- Tables --- */

    const groups = [
        ["Blocking", /^(in_doubt|lock|unavailable|blast)/], ["Goodput and latency", /^(goodput|dip|longest|latency|unanswered)/],
        ["Recovery", /^(recovery|orphans)/], ["Leaking", /^(lost|dirty|fuzzy|write_skews|exposure|audit)/], ["Sagas and events", /^(compens|visible|stuck|outbox|duplicate|dead_letters)/],
        ["Cost of an order", /^(fsyncs|msgs|bytes|cpu)/]
    ];
    const cell = (arm, word) => {
        const {low, high, runs} = of(arm, word);
        const td = make("td", {}, shown(arm, word));
        if (runs > 1)
            td.append(make("small", {}, digits(low) + " to " + digits(high)));
        return td;
    };
    const table = () => {
        const body = make("tbody", {});
        for (const [title, pattern] of groups) {
            body.append(make("tr", {class: "group"}, make("th", {colspan: results.arms.length + 1}, title)));
            for (const {word, unit, text} of results.metrics.filter((metric) => pattern.test(metric.word)))
                body.append(make("tr", {}, make("th", {scope: "row"}, word + (unit ? " (" + unit + ")" : ""), make("small", {}, text)),
                    ...results.arms.map((arm) => cell(arm, word))));
        }
        return make("div", {class: "scroll"}, make("table", {},
            make("thead", {}, make("tr", {}, make("th", {}, ""), ...results.arms.map((arm) => make("th", {scope: "col"}, arm.word)))), body));
    };
    const laws = () => {
        const body = make("tbody", {});
        for (const law of results.laws)
            body.append(make("tr", {}, make("th", {scope: "row"}, law.word, make("small", {}, law.text)), ...results.arms.map((arm) => {
                const found = arm.runs.map((run) => run.laws[law.word]).filter(Boolean);
                const count = (judgement) => found.filter((one) => one.judgement === judgement).length;
                const broken = found.find((one) => one.judgement === "broken");
                const holds = found.find((one) => one.judgement === "holds");
                const td = make("td", {"data-arm": arm.word, "data-law": law.word}, broken ? "BROKEN in " + count("broken") : holds ? "holds in " + count("holds") : "not shown",
                    make("small", {}, (broken || holds || {text: ""}).text));
                if (broken)
                    td.classList.add("bad");
                return td;
            })));
        return make("div", {class: "scroll"}, make("table", {},
            make("thead", {}, make("tr", {}, make("th", {}, ""), ...results.arms.map((arm) => make("th", {scope: "col"}, arm.word)))), body));
    };
    const runs = () => make("div", {class: "scroll"}, make("table", {},
        make("thead", {}, make("tr", {}, ...["arm", "run", "seed", "verdict", "valid", "archive", "why not"].map((text) => make("th", {}, text)))),
        make("tbody", {}, ...results.arms.flatMap((arm) => arm.runs.map((run) => make("tr", {}, make("th", {scope: "row"}, arm.word),
            ...[run.run, run.seed, run.verdict || "–", run.valid ? "yes" : "no", run.archive].map((text) => make("td", {}, String(text))),
            make("td", {class: run.valid ? "text" : "text bad"}, run.why.join("; "))))))));

    /* --- The page --- */

    const section = (title, text, ...children) => report.append(make("h2", {}, title), make("p", {class: "soft"}, text), ...children);
    const answer = (question, children) => [make("dt", {}, question), make("dd", {}, ...children)];

    report.replaceChildren(make("h1", {}, "What blocking costs, and what sagas leak: " + results.scenario.name),
        make("p", {class: "soft"}, results.scenario.teaches));
    document.title = results.scenario.name + ": what blocking costs, and what sagas leak";
    if (results.invalid > 0)
        report.append(make("p", {class: "bad", id: "invalid"}, results.invalid + " of " + results.arms.length * results.runs +
            " runs are not valid, and are in no median; see Runs for why."));
    report.append(make("div", {class: "first"},
        make("dl", {}, ...answer("What blocked?", blocked()), ...answer("For how long?", lasted()), ...answer("What leaked?", leaked()),
            ...answer("What did it cost?", cost())),
        make("div", {}, picture(), make("dl", {}, ...answer("Which to choose when?", choose())))));

    section("Goodput", "Orders done for good, in each second, by the time of the answer. The load goes on whatever the answers take; what is caught up after an outage may go over the top. " + faultsInWords());
    charts(drawn, (curves) => curves.goodput, "orders/s", 1 / (drawn.length ? drawn[0].curves.bin_s : 1), "good");
    section("In doubt", "Branches that had vowed and did not know the outcome: their rows stay locked.");
    charts(drawn.filter((arm) => arm.curves.in_doubt.some((value) => value > 0)), (curves) => curves.in_doubt, "branches", 1, "blocks");
    /* Results of an older version do not have this curve. */
    const buried = drawn.filter((arm) => (arm.curves.dead_letters || []).some((value) => value > 0));
    if (buried.length) {
        section("Dead letters", "Events that a service could not do: they wait for an operator, and all others go on.");
        charts(buried, (curves) => curves.dead_letters, "events", 1, "blocks");
    }
    const hot = drawn.filter((arm) => arm.curves.heat.length);
    section("Locked rows", hot.length ? "The rows that were blocked longest, by branches in doubt or by semantic locks; the darker, the larger the part of that time. Shaded: as above."
        : "No row was blocked in any arm.", ...hot.map(heat));
    section("All figures", "Medians of the valid runs; below, the interval in which the median lies with 95 % (bootstrap). – is what nothing can be said of; ≥ is a time that lasted still when the run ended.", table());
    section("Laws", "What a run must show whatever it costs, or it was measured wrongly.", laws());
    section("Runs", "Run n of every arm has the same seed: the same orders, at the same times.", runs());
    section("Parameters", "", make("table", {}, make("tbody", {}, ...[["seed", results.seed], ["runs of each arm", results.runs],
        ["rows there are", results.keys || "not said"], ["took", digits(results.took_s) + " s"], ["system", results.machine.system],
        ["processors", results.machine.processors], ["vow", results.machine.vow], ["scenario", results.scenario.file],
        ...Object.entries(results.scenario.vars)].map(([name, value]) => make("tr", {}, make("th", {scope: "row"}, name), make("td", {class: "text"}, String(value)))))),
        make("h3", {}, "Arms"), make("table", {}, make("tbody", {}, ...results.arms.map((arm) => make("tr", {}, make("th", {scope: "row"}, arm.word), make("td", {class: "text"}, arm.text))))),
        make("h3", {}, "The command that repeats it"), make("pre", {id: "command"}, results.command),
        make("h3", {}, "The scenario"), make("pre", {}, results.scenario.text));

    /* Colours are those of the page: it may change its mind, and paper is white. */
    const redraw = () => redraws.forEach((build) => build());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("beforeprint", () => (document.documentElement.classList.add("print"), redraw()));
    addEventListener("afterprint", () => (document.documentElement.classList.remove("print"), redraw()));
    report.dataset.done = "yes";
})();
