// The report site's own script: theme, figures, comparison, table, panel. No library, no request to another host.
"use strict";
const skillnb = (() => {
  const $ = (s, el = document) => el.querySelector(s), $$ = (s, el = document) => [...el.querySelectorAll(s)];
  const root = document.documentElement, store = { get: () => { try { return localStorage.getItem("skillnb-theme"); } catch { return null; } },
    set: v => { try { localStorage.setItem("skillnb-theme", v); } catch { /* private window */ } } };
  const quarto = () => !!document.getElementById("quarto-bootstrap");

  // Theme: Quarto switches its own pages; on ours the button does.
  if (store.get()) root.dataset.theme = store.get();
  const isDark = () => getComputedStyle(root).colorScheme === "dark" || (getComputedStyle(root).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  function theme() {
    const button = $(".quarto-color-scheme-toggle");
    if (button && !quarto()) button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; store.set(root.dataset.theme); redraw(); });
    if (quarto()) new MutationObserver(redraw).observe(document.body, { attributeFilter: ["class"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }
  function colour(name) {             // a custom property as a colour that plotly understands
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }
  const fade = (rgb, a) => rgb.replace(/^rgba?\(([^)]*?)\)$/, (_, c) => `rgba(${c.split(",").slice(0, 3).join(",")},${a})`);
  const resolve = x => typeof x === "string" ? x.replace(/^var\(--(\w+)\)$/, (_, n) => colour(n)) : Array.isArray(x) ? x.map(resolve)
    : x && typeof x === "object" ? Object.fromEntries(Object.entries(x).map(([k, v]) => [k, resolve(v)])) : x;

  // Figures: plotly.js is loaded once, when the first figure comes near.
  let library;
  const plotly = () => library ??= new Promise((done, failed) => {
    const s = document.createElement("script");
    s.src = "assets/plotly.min.js"; s.onload = () => done(window.Plotly); s.onerror = failed;
    document.head.append(s);
  });
  const drawers = {}, drawn = new Set();
  const plain = t => String(t).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");   // plotly reads markup in labels
  function look(layout) {
    const ink = colour("ink"), line = colour("line");
    const axis = { gridcolor: colour("faint"), linecolor: line, zerolinecolor: line, tickfont: { color: colour("muted") } };
    return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      hoverlabel: { bgcolor: colour("raised"), bordercolor: line, font: { color: ink } }, ...layout,
      ...(layout.scene ? { scene: { ...layout.scene, ...Object.fromEntries(["xaxis", "yaxis", "zaxis"].map(a => [a, { ...layout.scene[a], gridcolor: line }])) } } : {}),
      ...Object.fromEntries(Object.entries(layout).filter(([k]) => /^[xy]axis/.test(k)).map(([k, v]) => [k, { ...axis, ...v }])) };
  }
  const settings = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };
  async function draw(box) {
    const data = box.given ??= JSON.parse($("script[type='application/json']", box).textContent), Plotly = await plotly();
    drawn.add(box); box.classList.add("drawn");
    await drawers[box.dataset.figure](box, data, Plotly);
  }
  function redraw() { drawn.forEach(draw); }
  function figures() {
    const near = new IntersectionObserver(seen => seen.filter(e => e.isIntersecting).forEach(e => { near.unobserve(e.target); draw(e.target); }), { rootMargin: "300px" });
    $$("[data-figure]").forEach(box => near.observe(box));
  }

  drawers.map = async (box, data, Plotly) => {
    const { layout, ...rest } = resolve(data), narrow = box.clientWidth < 600;
    if (narrow) rest.data.forEach(t => { if (t.mode && t.mode.includes("text")) t.text = t.text.map((x, i) => (t.meta.first.includes(i) ? x : "")); });
    await Plotly.react(box, rest.data, look({ ...layout, height: narrow ? 420 : 640 }), settings);
    if (!box.linked) box.on("plotly_click", e => { const id = e.points[0].customdata; if (id && box.dataset.figure === "map") location.href = "skills.html#" + encodeURIComponent(id); });
    box.linked = true;
  };

  // Trends: the chosen skills, their bands, their names beside the last point.
  const percent = x => (x > 0 && x < 0.005 ? "<1" : Math.round(100 * x)) + "\u00a0%";
  const range = (l, h) => `${Math.round(100 * l)}–${Math.round(100 * h)}`;
  const chosen = () => $$(".options input:checked").map(i => i.value);
  drawers.compare = async (box, data, Plotly) => {
    const picked = data.skills.filter(s => chosen().includes(s.id)).slice(0, 6), traces = [], notes = [];
    const tall = Math.max(0.05, ...picked.flatMap(s => s.high.filter(x => x !== null))) * 1.05, narrow = box.clientWidth < 600, most = narrow ? 15 : 24;
    picked.forEach((s, i) => {
      const c = colour(`c${i + 1}`), at = data.weeks.map((w, j) => j).filter(j => s.share[j] !== null), x = at.map(j => data.weeks[j]);
      traces.push({ x: [...x, ...[...x].reverse()], y: [...at.map(j => s.high[j]), ...[...at].reverse().map(j => s.low[j])], fill: "toself", fillcolor: fade(c, picked.length > 2 ? 0.09 : 0.18), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false, type: "scatter" });
      traces.push({ x, y: at.map(j => s.share[j]), name: plain(s.name), mode: "lines+markers", type: "scatter", line: { color: c, width: 2.5, dash: ["solid", "dash", "dot", "dashdot", "longdash", "solid"][i] },
        marker: { size: 7, color: at.map(j => data.total[j] < data.floor ? colour("paper") : c), line: { color: c, width: 1.5 }, symbol: ["circle", "square", "diamond", "triangle-up", "x", "pentagon"][i] },
        customdata: at.map(j => `${percent(s.share[j])} (${range(s.low[j], s.high[j])}), ${s.n[j]} of ${data.total[j]} postings`), hovertemplate: `<b>${plain(s.name)}</b><br>%{customdata}<extra></extra>` });
      if (at.length) notes.push({ y: s.share[at.at(-1)], text: plain(s.name.length > most ? s.name.slice(0, most - 1) + "…" : s.name), c });
    });
    notes.sort((a, b) => a.y - b.y);
    notes.forEach((n, i) => { n.at = Math.max(n.y, i ? notes[i - 1].at + tall * 0.055 : 0); });
    await Plotly.react(box, traces, look({ height: narrow ? 400 : 500, showlegend: false, hovermode: "closest", margin: { l: 48, r: narrow ? 104 : 160, t: 12, b: 44 },
      xaxis: { type: "date", tickformat: "%-d %b", nticks: narrow ? 4 : 8, showgrid: false }, yaxis: { tickformat: ".0%", range: [0, tall], rangemode: "tozero" },
      annotations: notes.map(n => ({ x: 1, xref: "paper", xanchor: "left", xshift: 8, y: n.at, text: n.text, showarrow: false, font: { color: n.c, size: narrow ? 11 : 13 } })) }), settings);
    numbers(data, picked);
  };
  function cell(tag, text, cls) { const el = document.createElement(tag); el.textContent = text; if (cls) el.className = cls; if (tag === "th") el.scope = "col"; return el; }
  function numbers(data, picked) {
    const head = document.createElement("tr"), rows = data.weeks.map((w, j) => {
      const tr = document.createElement("tr"), th = cell("th", new Date(w + "T00:00").toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }));
      th.scope = "row"; tr.append(th, ...picked.map(s => cell("td", s.share[j] === null ? "no posting" : `${percent(s.share[j])} (${range(s.low[j], s.high[j])}), ${s.n[j]} of ${data.total[j]}`, "num")));
      return tr;
    });
    head.append(cell("th", "Week of"), ...picked.map(s => cell("th", s.name, "num")));
    $("#compare-table thead").replaceChildren(head); $("#compare-table tbody").replaceChildren(...rows.reverse());
  }
  function compare() {
    const box = $("[data-figure='compare']"); if (!box) return;
    const wanted = decodeURIComponent(location.hash.replace(/^#skills=/, "#").slice(1)).split(",").filter(id => $$(".options input").some(i => i.value === id));
    if (location.hash.startsWith("#skills=") && wanted.length) $$(".options input").forEach(i => { i.checked = wanted.includes(i.value); });
    const limit = () => $$(".options input").forEach(i => { i.disabled = !i.checked && chosen().length >= 6; });
    $(".options").addEventListener("change", () => { limit(); history.replaceState(null, "", "#skills=" + chosen().join(",")); draw(box); });
    $(".choose input[type='search']").addEventListener("input", e => $$(".options label").forEach(l => { l.hidden = !l.textContent.toLowerCase().includes(e.target.value.trim().toLowerCase()); }));
    limit();
  }

  // Skills: find, sort, show more.
  function skills() {
    const table = $("#skills"); if (!table) return;
    const body = $("tbody", table), rows = $$("tr", body), more = $("#more"); let shown = 100;
    function filter() {
      const words = $("#find").value.trim().toLowerCase(), kind = $("#kind").value;
      const fits = $$("tr", body).filter(r => { const ok = (!kind || r.dataset.kind === kind) && (!words || r.dataset.find.includes(words)); r.hidden = true; return ok; });
      fits.slice(0, shown).forEach(r => { r.hidden = false; });
      more.hidden = fits.length <= shown; more.textContent = `Show more (${fits.length - Math.min(shown, fits.length)} left)`;
      $("#found").textContent = fits.length === 1 ? "1 skill" : fits.length ? `${fits.length.toLocaleString("en")} skills` : "No skill matches";
    }
    function sort(th, i) {
      const up = th.getAttribute("aria-sort") === "descending" || (!th.hasAttribute("aria-sort") && th.dataset.sort === "text"), number = th.dataset.sort === "number";
      const key = r => number ? parseFloat(r.cells[i].dataset.value || -1) : r.cells[i].textContent.trim().toLowerCase();
      rows.sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1); });
      $$("th", table.tHead).forEach(h => h.removeAttribute("aria-sort")); th.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows); filter();
    }
    $$("th", table.tHead).forEach((th, i) => { if (!th.dataset.sort) return;
      const b = document.createElement("button"); b.type = "button"; b.textContent = th.textContent; b.addEventListener("click", () => sort(th, i)); th.replaceChildren(b); });
    $("#find").addEventListener("input", () => { shown = 100; filter(); }); $("#kind").addEventListener("change", filter);
    $(".tools").addEventListener("submit", e => e.preventDefault());
    more.addEventListener("click", () => { shown += 200; filter(); });
    filter();
  }

  // The panel of one skill: its address is skills.html#id, its content a small script in evidence/.
  const held = {};
  function show(id, html) { held[id] = html; if (decodeURIComponent(location.hash.slice(1)) === id) panel(); }
  function panel() {
    const dialog = $("#panel"); if (!dialog) return;
    const id = decodeURIComponent(location.hash.slice(1));
    if (!/^[a-z0-9][a-z0-9-]*$/.test(id)) { if (dialog.open) dialog.close(); return; }
    if (!(id in held)) {
      const s = document.createElement("script");
      s.src = `evidence/${id}.js`; s.onerror = () => { if (!$(`#skills a[href="#${id}"]`)) return; held[id] = "<p>No evidence is kept for this skill.</p>"; panel(); };
      document.head.append(s);
      return;
    }
    $("#panel-body").innerHTML = held[id];     // written by skillnb.pages, every text escaped there
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0; $("#panel-body").focus();
  }
  function panels() {
    const dialog = $("#panel"); if (!dialog) return;
    dialog.addEventListener("close", () => { if (location.hash) history.replaceState(null, "", location.pathname + location.search); });
    dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });
    addEventListener("hashchange", panel); panel();
  }

  addEventListener("DOMContentLoaded", () => { theme(); compare(); figures(); skills(); panels(); });
  return { show };
})();
