// What next: which further skill opens most postings to somebody who has some; as skillnb.together counts it.
"use strict";
(() => {
  const { $, $$, percent, range, wilson, el, choice, asked, keep, boxes } = skillnb;
  const box = $("#next"), data = JSON.parse($("script[type='application/json']", box).textContent), at = new Map(data.skills.map((s, i) => [s.id, i]));
  const chosen = choice(box, Infinity, () => { store(); show(); }), enough = () => +$("[name='enough']:checked", box).value;
  const store = () => keep({ have: chosen.picked().join(","), enough: enough() });
  const STEPS = 10, ROWS = 12;

  function state(postings, known, part) {   // open postings, how much of a posting is known, and for each skill what it would open, how much nearer it brings the rest, how many ask for it
    const zeros = () => new Array(data.skills.length).fill(0), opened = zeros(), nearer = zeros(), wanting = zeros(), of = zeros();
    let open = 0, covered = 0;
    for (const [wants, ...skills] of postings) {
      const has = skills.filter(k => known.has(k)).length, need = Math.ceil(part * wants), gap = Math.max(need - has, 0);
      covered += has / wants;
      if (!gap) open++;
      for (const k of skills) { of[k]++; if (gap && !known.has(k)) { nearer[k] += 1 / need; wanting[k]++; if (gap === 1) opened[k]++; } }
    }
    return { open, covered: covered / postings.length, opened, nearer, wanting, of };
  }
  function name(k) { const s = data.skills[k]; if (!s.href) return document.createTextNode(s.name); return el("a", s.name, { href: s.href }); }
  function row(cells) { const tr = document.createElement("tr"); tr.append(...cells); return tr; }
  function number(label, said, more) { const td = el("td", more ? `${said} ` : said, { class: "num", "data-label": label }); if (more) td.append(el("small", more)); return td; }
  function named(tag, k, given) { const made = el(tag, "", given); made.append(name(k)); return made; }
  const sure = n => { const all = data.postings.length, [l, h] = wilson(n / all, all * data.fair, data.z); return `${percent(n / all)} (${range(l, h)})`; };

  function show() {
    const known = new Set(chosen.picked().map(id => at.get(id))), part = enough(), some = known.size > 0;
    $("#next-start").hidden = true; $("#next-table").hidden = !some; $("#next-path").hidden = false;
    path(known, part);
    if (some) further(known, part);
    else $("#next-said").textContent = "Tick what you know, and this page says which skill to learn next.";
    boxes();
  }
  function further(known, part) {         // what one more skill opens
    const all = data.postings.length, now = state(data.postings, known, part), best = [...now.nearer.keys()].filter(k => now.nearer[k] > 0).sort((a, b) => now.opened[b] - now.opened[a] || now.nearer[b] - now.nearer[a]).slice(0, ROWS);
    $("#next-said").textContent = `With ${known.size === 1 ? "this skill" : `these ${known.size} skills`}, ${now.open.toLocaleString("en")} of ${all.toLocaleString("en")} postings are open to you: ${sure(now.open)}.`
      + (best.length ? ` The next best, ${data.skills[best[0]].name}, opens ${now.opened[best[0]]} more.` : " Nothing further brings any nearer.");
    $("#next-table tbody").replaceChildren(...best.map(k => row([named("th", k, { scope: "row" }), number("Opens", now.opened[k], sure(now.opened[k])),
      number("Brings nearer", now.wanting[k] - now.opened[k]), number("Asked in", `${now.of[k]} of ${all}`)])));
  }
  function path(known, part) {            // one skill after another, from what is known
    const { of } = state(data.postings, known, part), chosenOn = data.postings.filter((_, i) => i % 2 === 0), countedOn = data.postings.filter((_, i) => i % 2), learnt = new Set(known), steps = [];
    while (steps.length < STEPS && countedOn.length) {
      const { nearer } = state(chosenOn, learnt, part), k = nearer.reduce((b, v, i) => v > nearer[b] ? i : b, 0);
      if (!(nearer[k] > 0)) break;
      learnt.add(k);
      const { open, covered } = state(countedOn, learnt, part), [l, h] = wilson(open / countedOn.length, countedOn.length * data.fair, data.z);
      steps.push(row([named("th", k, { scope: "row" }), number("Asked in", `${of[k]} of ${data.postings.length}`), number("You then have", percent(covered)), number("Open then", `${open} of ${countedOn.length}`, `${percent(open / countedOn.length)} (${range(l, h)})`)]));
    }
    $("#next-path caption").textContent = (known.size ? "From there on, the skills that bring most postings nearer, one after another" : "Starting from nothing: the skills that bring most postings nearer, one after another");
    $("#next-path tbody").replaceChildren(...steps);
  }
  function read() {
    const said = asked();
    if (said.has("have")) chosen.pick((said.get("have")).split(",").filter(id => at.has(id)));
    const e = $$("[name='enough']", box).find(i => i.value === said.get("enough")); if (e) e.checked = true;
  }
  $(".tools", box).addEventListener("change", () => { store(); show(); });
  $(".tools", box).addEventListener("submit", e => e.preventDefault());
  addEventListener("hashchange", () => { read(); show(); });
  read(); show();
})();
