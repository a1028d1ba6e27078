// What next: which further skill opens most postings to somebody who has some; as skillnb.together counts it.
"use strict";
(() => {
  const { $, $$, percent, range, wilson, el, choice, asked, keep, boxes } = skillnb;
  const box = $("#next"), data = JSON.parse($("script[type='application/json']", box).textContent), at = new Map(data.skills.map((s, i) => [s.id, i]));
  const chosen = choice(box, Infinity, () => { store(); show(); }), enough = () => +$("[name='enough']:checked", box).value;
  const store = () => keep({ have: chosen.picked().join(","), enough: enough() });
  const STEPS = 6, ROWS = 12;

  function state(postings, known, part) {   // open postings, and for each skill what it would open, how much nearer it brings the rest, how many ask for it
    const zeros = () => new Array(data.skills.length).fill(0), opened = zeros(), nearer = zeros(), wanting = zeros(), of = zeros();
    let open = 0;
    for (const [wants, ...skills] of postings) {
      const need = Math.ceil(part * wants), gap = need - Math.min(skills.filter(k => known.has(k)).length, need);
      if (!gap) open++;
      for (const k of skills) { of[k]++; if (gap && !known.has(k)) { nearer[k] += 1 / need; wanting[k]++; if (gap === 1) opened[k]++; } }
    }
    return { open, opened, nearer, wanting, of };
  }
  function name(k) { const s = data.skills[k]; if (!s.href) return document.createTextNode(s.name); return el("a", s.name, { href: s.href }); }
  function row(cells) { const tr = document.createElement("tr"); tr.append(...cells); return tr; }
  function named(tag, k, given) { const made = el(tag, "", given); made.append(name(k)); return made; }
  const sure = n => { const all = data.postings.length, [l, h] = wilson(n / all, all * data.fair, data.z); return `${percent(n / all)} (${range(l, h)})`; };

  function show() {
    const known = new Set(chosen.picked().map(id => at.get(id))), part = enough(), all = data.postings.length, some = known.size > 0;
    $("#next-start").hidden = some; $("#next-table").hidden = $("#next-path").hidden = !some;
    if (!some) { $("#next-said").textContent = "Tick what you know, and this page says which skill to learn next."; return; }
    const now = state(data.postings, known, part), best = [...now.nearer.keys()].filter(k => now.nearer[k] > 0).sort((a, b) => now.opened[b] - now.opened[a] || now.nearer[b] - now.nearer[a]).slice(0, ROWS);
    $("#next-said").textContent = `With ${known.size === 1 ? "this skill" : `these ${known.size} skills`}, ${now.open.toLocaleString("en")} of ${all.toLocaleString("en")} postings are open to you: ${sure(now.open)}.`
      + (best.length ? ` The next best, ${data.skills[best[0]].name}, opens ${now.opened[best[0]]} more.` : " Nothing further brings any nearer.");
    $("#next-table tbody").replaceChildren(...best.map(k => { const opens = el("td", now.opened[k] + " ", { class: "num" }); opens.append(el("small", sure(now.opened[k])));
      return row([named("th", k, { scope: "row" }), opens, el("td", String(now.wanting[k] - now.opened[k]), { class: "num" }), el("td", `${now.of[k]} of ${all}`, { class: "num" })]); }));
    const chosenOn = data.postings.filter((_, i) => i % 2 === 0), countedOn = data.postings.filter((_, i) => i % 2), learnt = new Set(known), steps = [];
    while (steps.length < STEPS && countedOn.length) {
      const { nearer } = state(chosenOn, learnt, part), k = nearer.reduce((b, v, i) => v > nearer[b] ? i : b, 0);
      if (!(nearer[k] > 0)) break;
      learnt.add(k);
      const { open } = state(countedOn, learnt, part), [l, h] = wilson(open / countedOn.length, countedOn.length * data.fair, data.z);
      steps.push(row([named("th", k, { scope: "row" }), el("td", `${open} of ${countedOn.length}`, { class: "num" }), el("td", `${percent(open / countedOn.length)} (${range(l, h)})`, { class: "num" })]));
    }
    $("#next-path tbody").replaceChildren(...steps);
    boxes();
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
