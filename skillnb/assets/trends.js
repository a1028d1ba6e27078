// Trends: the chosen skills as lines with bands, drawn as SVG, and the same in numbers.
"use strict";
(() => {
  const { $, $$, percent, range, wilson, el, choice, asked, keep, boxes } = skillnb;
  const box = $("#compare"), data = JSON.parse($("script[type='application/json']", box).textContent), chart = $(".lines", box), readout = $(".readout", box), span = $("#span");
  const chosen = choice(box, 6, () => { store(); draw(); }), byId = new Map(data.skills.map(s => [s.id, s])), counting = () => $("[name='counting']:checked", box).value;
  const when = w => new Date(w + "T00:00").toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }), brief = w => new Date(w + "T00:00").toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const store = () => keep({ skills: chosen.picked().join(","), counting: counting(), weeks: span.value });

  function lines() {                     // for each chosen skill its week by week numbers; a week in which nothing was counted is left out
    const c = counting(), of = data.countings[c] ?? { total: [], worth: [] }, from = +span.value ? data.weeks.length - +span.value : 0;
    const weeks = data.weeks.map((w, j) => j).filter(j => j >= from && of.total[j] > 0);
    return { of, weeks, skills: chosen.picked().map(id => byId.get(id)).map((s, i) => ({ name: s.name, k: i + 1, at: weeks.map(j => {
      const n = s.n[c]?.[j] ?? 0, share = n / of.total[j], [low, high] = wilson(share, of.worth[j], data.z);
      return { j, n, total: of.total[j], share, low, high, few: of.total[j] < data.floor, said: of.total[j] < data.floor ? "not enough data" : `${percent(share)} (${range(low, high)})`, counts: `${n} of ${of.total[j].toLocaleString("en")}` };
    }) })) };
  }
  const svg = (tag, given, text) => { const made = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [k, v] of Object.entries(given)) made.setAttribute(k, v); if (text !== undefined) made.textContent = text; return made; };
  function apart(notes, gap, low, high) {    // names beside the last points, none over another
    notes.sort((a, b) => a.y - b.y);
    notes.forEach((n, i) => { n.at = Math.max(n.y, i ? notes[i - 1].at + gap : low); });
    for (let i = notes.length - 1, top = high; i >= 0; i--) { notes[i].at = Math.min(notes[i].at, top); top = notes[i].at - gap; }
    return notes;
  }
  function draw() {
    const { weeks, skills } = lines(), width = chart.clientWidth, narrow = width < 560, height = narrow ? 320 : 420;
    numbers(weeks, skills);
    if (!weeks.length || !skills.length) { chart.replaceChildren(el("p", skills.length ? "Nothing was counted so in these weeks." : "Choose a skill.", { class: "nothing" })); $("#compare-n").textContent = ""; return; }
    const m = { l: 52, r: narrow ? 116 : 150, t: 10, b: 28 }, w = width - m.l - m.r, h = height - m.t - m.b, days = weeks.map(j => Date.parse(data.weeks[j]));
    const tall = Math.min(1, Math.max(.05, ...skills.flatMap(s => s.at.map(p => p.high)))), step = [.01, .02, .05, .1, .2, .25].find(s => tall / s <= 5) ?? .25, top = Math.ceil(tall / step - 1e-9) * step;
    const x = i => m.l + (weeks.length > 1 ? (days[i] - days[0]) / (days.at(-1) - days[0]) : .5) * w, y = v => m.t + h - v / top * h, r = v => v.toFixed(1);
    const art = svg("svg", { class: skills.length > 3 ? "many" : "", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (let v = 0; v <= top + 1e-9; v += step) art.append(svg("line", { class: "grid", x1: m.l, x2: m.l + w, y1: r(y(v)), y2: r(y(v)) }), svg("text", { class: "tick", x: m.l - 8, y: r(y(v)), dy: ".35em", "text-anchor": "end" }, Math.round(100 * v) + "\u00a0%"));
    const every = Math.ceil(weeks.length / (narrow ? 3 : 7));
    weeks.forEach((j, i) => { if ((weeks.length - 1 - i) % every === 0) art.append(svg("text", { class: "tick", x: r(x(i)), y: height - 6, "text-anchor": "middle" }, brief(data.weeks[j]))); });
    skills.forEach(s => art.append(svg("polygon", { class: `band k${s.k}`, points: [...s.at.map((p, i) => `${r(x(i))},${r(y(p.high))}`), ...s.at.map((p, i) => `${r(x(i))},${r(y(p.low))}`).reverse()].join(" ") })));
    skills.forEach(s => { art.append(svg("polyline", { class: `line k${s.k}`, points: s.at.map((p, i) => `${r(x(i))},${r(y(p.share))}`).join(" ") }));
      s.at.forEach((p, i) => art.append(svg("circle", { class: `point k${s.k}${p.few ? " few" : ""}`, cx: r(x(i)), cy: r(y(p.share)), r: weeks.length > 30 ? 2 : 3.5 }))); });
    const most = narrow ? 12 : 20;
    apart(skills.map(s => ({ s, y: y(s.at.at(-1).share) })), 16, m.t + 6, m.t + h).forEach(n => art.append(svg("text", { class: `name k${n.s.k}`, x: m.l + w + 10, y: r(n.at), dy: ".35em" }, n.s.name.length > most ? n.s.name.slice(0, most - 1) + "…" : n.s.name)));
    const cursor = svg("line", { class: "cursor", y1: m.t, y2: m.t + h, x1: -9, x2: -9 });
    art.append(cursor);
    art.addEventListener("pointermove", e => {
      const at = e.clientX - art.getBoundingClientRect().left, i = weeks.reduce((best, _, k) => Math.abs(x(k) - at) < Math.abs(x(best) - at) ? k : best, 0);
      cursor.setAttribute("x1", r(x(i))); cursor.setAttribute("x2", r(x(i)));
      readout.replaceChildren(el("b", `Week of ${when(data.weeks[weeks[i]])}`), ...skills.map(s => { const line = el("span", `${s.name} `, { class: `k${s.k}` }); line.append(el("i", `${s.at[i].said}, ${s.at[i].counts}`)); return line; }));
    });
    chart.replaceChildren(art);
    const totals = weeks.map(j => skills[0].at[weeks.indexOf(j)].total), low = Math.min(...totals), high = Math.max(...totals), of = counting() === "sightings" ? "listings" : counting() === "new" ? "new postings" : "open postings";
    $("#compare-n").textContent = `n = ${low === high ? low.toLocaleString("en") : `${low.toLocaleString("en")} to ${high.toLocaleString("en")}`} ${of} a week · ${weeks.length} ${weeks.length === 1 ? "week" : "weeks"}, ${when(data.weeks[weeks[0]])} to ${when(data.weeks[weeks.at(-1)])}.`;
  }
  function numbers(weeks, skills) {
    const head = document.createElement("tr"), rows = weeks.map((j, i) => {
      const tr = document.createElement("tr");
      tr.append(el("th", when(data.weeks[j]), { scope: "row" }), ...skills.map(s => { const td = el("td", s.at[i].said + " ", { class: "num", "data-label": s.name }); td.append(el("small", s.at[i].counts)); return td; }));
      return tr;
    });
    head.append(el("th", "Week of", { scope: "col" }), ...skills.map(s => el("th", s.name, { class: "num", scope: "col" })));
    $("#compare-table thead").replaceChildren(head); $("#compare-table tbody").replaceChildren(...rows.reverse());
    boxes();
  }
  function read() {                      // the address holds a view; what it names and this page does not have is passed over
    const said = asked(), ids = (said.get("skills") ?? "").split(",").filter(id => byId.has(id)).slice(0, 6);
    if (said.has("skills")) chosen.pick(ids);
    const c = $$("[name='counting']", box).find(i => i.value === said.get("counting")); if (c) c.checked = true;
    if ([...span.options].some(o => o.value === said.get("weeks"))) span.value = said.get("weeks");
  }
  $(".tools", box).addEventListener("change", () => { store(); draw(); });
  $(".tools", box).addEventListener("submit", e => e.preventDefault());
  addEventListener("hashchange", () => { read(); draw(); });
  new ResizeObserver(() => draw()).observe(chart);
  read();
})();
