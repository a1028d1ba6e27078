// The report site's own script: theme, map, table, and what trends.js and next.js share. No library, no request to another host.
"use strict";
const skillnb = (() => {
  const $ = (s, el = document) => el.querySelector(s), $$ = (s, el = document) => [...el.querySelectorAll(s)];
  const root = document.documentElement, top = new URL("..", document.currentScript.src);      // the top of the site, from whatever folder a page lies in
  root.classList.add("js");
  const store = { get: () => { try { return localStorage.getItem("skillnb-theme"); } catch { return null; } },
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
  function menu() {                   // on a phone the pages stand behind a button; Quarto brings its own
    const button = $(".navbar-toggler"); if (!button || quarto()) return;
    const open = yes => button.setAttribute("aria-expanded", yes);
    button.addEventListener("click", () => open(button.getAttribute("aria-expanded") !== "true"));
    $("#quarto-header").addEventListener("keydown", e => { if (e.key === "Escape" && button.getAttribute("aria-expanded") === "true") { open(false); button.focus(); } });
  }
  function boxes() {                  // a table wider than the page scrolls: the keyboard has to reach it
    $$(".box").forEach(box => {
      const wide = box.scrollWidth > box.clientWidth + 1, caption = $("caption", box);
      wide ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");
      wide ? box.setAttribute("role", "region") : box.removeAttribute("role");
      wide && caption ? box.setAttribute("aria-label", caption.textContent) : box.removeAttribute("aria-label");
    });
  }
  function colour(name) {             // a custom property as a colour that plotly understands
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  // Figures: plotly.js is loaded once, when the first figure comes near.
  let library;
  const plotly = () => library ??= new Promise((done, failed) => {
    const s = document.createElement("script");
    s.src = new URL("assets/plotly-gl3d.min.js", top); s.onload = () => done(window.Plotly); s.onerror = failed;
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

  // The map: one figure for plane and space; week 0 … n-1, or n for all weeks together. Space is drawn by WebGL, all of it. plotly's WebGL for
  // the plane compiles code at run time, which these pages forbid; so the plane is SVG with the most asked skills of the part that is shown:
  // coming closer brings the others.
  const MOST = 2000, gl = (() => { try { return !!document.createElement("canvas").getContext("webgl"); } catch { return false; } })(), pen = document.createElement("canvas").getContext("2d");
  const map = { week: null, view: "2", find: "" };
  function counts(data) {              // postings a skill, and what is said of it, in the week that is shown
    const week = data.weeks[map.week], n = new Array(data.ids.length).fill(0), said = data.n.map(k => `${k.toLocaleString("en")} postings in all`);
    const shown = week ?? data.weeks.at(-1);
    if (shown) shown.at.forEach((i, k) => { said[i] += `<br>${week ? "that week" : "last week"}: ${percent(shown.n[k] / shown.of)} (${range(shown.low[k] / 1000, shown.high[k] / 1000)}), ${shown.n[k]} of ${shown.of} postings`; });
    if (week) week.at.forEach((i, k) => { n[i] = week.n[k]; });
    return { n: week ? n : data.n, top: week ? Math.max(1, ...data.weeks.map(w => w.n.reduce((a, b) => Math.max(a, b), 0))) : Math.max(1, data.n[0]), said };
  }
  function chosenOn(data) { const w = map.find.trim().toLowerCase(); return w ? new Set(data.names.flatMap((x, i) => x.toLowerCase().includes(w) ? [i] : [])) : null; }
  function roomy(data, box, range, sizes, found) {      // the most asked skills whose names have room in the part that is shown
    const w = box._fullLayout?._size?.w ?? box.clientWidth - 16, h = box._fullLayout?._size?.h ?? (box.clientWidth < 600 ? 480 : 460), kept = [], font = w < 600 ? 11 : 12;
    pen.font = `${font}px ${getComputedStyle(document.body).fontFamily}`;
    const order = found ? [...found].concat([...data.ids.keys()].filter(i => !found.has(i))) : data.ids.keys(), most = w < 600 ? 22 : 60;
    for (const i of order) {
      if (kept.length >= most || i > 4000 && !found) break;
      const x = (data.u[i] - range.x[0]) / (range.x[1] - range.x[0]) * w, y = h - (data.v[i] - range.y[0]) / (range.y[1] - range.y[0]) * h;
      const text = data.names[i].length > 26 ? data.names[i].slice(0, 25) + "…" : data.names[i], half = pen.measureText(text).width / 2 + 3, r = sizes[i] / 2;
      const spot = { i, text, l: x - half, r: x + half, t: y - r - font - 5, b: y - r + 1 };
      if (!sizes[i] || spot.l < 0 || spot.r > w || spot.t < 0 || spot.b > h) continue;
      if (kept.every(k => spot.r < k.l || spot.l > k.r || spot.b < k.t || spot.t > k.b)) kept.push(spot);
    }
    return kept;
  }
  function points(data, box, view) {
    const flat = map.view === "2", { n, top, said } = counts(data), found = chosenOn(data), narrow = box.clientWidth < 600;
    const sizes = n.map(k => k ? Math.sqrt(k / top) * (narrow ? 24 : flat ? 36 : 30) + (flat ? 5 : 3) : 0), traces = [];
    const seen = (i, a, r) => data[a][i] >= r[0] && data[a][i] <= r[1], drawn = [...data.ids.keys()].filter(i => (n[i] || found?.has(i)) && (!flat || seen(i, "u", view.x) && seen(i, "v", view.y)));
    const shown = flat ? drawn.filter((i, k) => k < MOST || found?.has(i)) : drawn;
    data.clusters.forEach((name, c) => {
      const at = shown.filter(i => data.cluster[i] === c), place = flat ? { x: at.map(i => data.u[i]), y: at.map(i => data.v[i]) } : { x: at.map(i => data.x[i]), y: at.map(i => data.y[i]), z: at.map(i => data.z[i]) };
      traces.push({ ...place, type: flat ? "scatter" : "scatter3d", mode: "markers", name: plain(name), customdata: at.map(i => data.ids[i]),
        text: at.map(i => `<b>${plain(data.names[i])}</b><br>${said[i]}`), hovertemplate: "%{text}<extra></extra>",
        marker: { size: at.map(i => sizes[i] || 6), color: colour(`c${c % 6 + 1}`), symbol: Math.floor(c / 6) % 2 ? "diamond" : "circle", line: { width: 0 }, ...(flat ? { opacity: at.map(i => !found ? 0.72 : found.has(i) ? 1 : 0.12) } : { opacity: found ? 0.25 : 0.75 }) } });
    });
    return { traces, sizes, found, flat };
  }
  function names(data, box, drawn, view) {
    const { flat, found, sizes } = drawn, ink = colour("ink"), font = box.clientWidth < 600 ? 11 : 12;
    if (flat) {
      const kept = roomy(data, box, view, sizes, found);
      return { type: "scatter", mode: "text", x: kept.map(k => data.u[k.i]), y: kept.map(k => data.v[k.i]), text: kept.map(k => { const t = plain(k.text); return found?.has(k.i) ? `<b>${t}</b>` : t; }), textposition: "top center",
        textfont: { size: font, color: ink }, marker: { size: kept.map(k => sizes[k.i]) }, customdata: kept.map(k => data.ids[k.i]), hoverinfo: "skip", showlegend: false };
    }
    const few = found ? [...found].slice(0, 20) : [...data.ids.keys()].filter(i => sizes[i]).slice(0, box.clientWidth < 600 ? 8 : 14);
    return { type: "scatter3d", mode: found ? "markers+text" : "text", x: few.map(i => data.x[i]), y: few.map(i => data.y[i]), z: few.map(i => data.z[i]), text: few.map(i => plain(data.names[i])), textposition: "top center",
      textfont: { size: font, color: ink }, marker: { size: few.map(i => Math.max(sizes[i], 8)), color: ink, opacity: 0.9 }, customdata: few.map(i => data.ids[i]), hoverinfo: "skip", showlegend: false };
  }
  const page = (data, id) => data.ids.indexOf(id) < data.paged ? `skill/${id}.html` : `skills.html#skill-${id}`;   // ids are slugs
  drawers.map = async (box, data, Plotly) => {
    map.week ??= data.weeks.length;
    const narrow = box.clientWidth < 600, whole = { x: [-50, 1049], y: [-50, 1080] }, kept = box.view ?? whole, drawn = points(data, box, kept);
    const bare = { showticklabels: false, title: { text: "" }, zeroline: false, showgrid: false, showline: false, ticks: "" };
    const layout = look({ height: narrow ? 500 : 640, margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "closest", uirevision: map.view, dragmode: drawn.flat ? "pan" : "orbit", showlegend: !narrow,
      legend: { orientation: "h", y: -.02, yanchor: "top", itemsizing: "constant", font: { size: 12 } }, ...(drawn.flat ? { xaxis: { ...bare, range: kept.x }, yaxis: { ...bare, range: kept.y } }
        : { scene: { ...Object.fromEntries(["xaxis", "yaxis", "zaxis"].map(a => [a, { showticklabels: false, title: { text: "" }, showbackground: false, showspikes: false, zeroline: false }])), aspectmode: "cube", camera: { eye: { x: 1.05, y: 1.05, z: .75 } } } }) });
    await Plotly.react(box, [...drawn.traces, names(data, box, drawn, kept)], layout, { ...settings, scrollZoom: drawn.flat && !narrow });
    if (box.linked) return;
    box.linked = true;
    box.on("plotly_click", e => { const id = e.points[0].customdata; if (id) location.href = page(data, id); });
    let waiting;
    box.on("plotly_relayout", e => { if (map.view !== "2" || !Object.keys(e).some(k => k.startsWith("xaxis") || k.startsWith("yaxis") || k === "autosize")) return; clearTimeout(waiting);
      waiting = setTimeout(() => { const { xaxis, yaxis } = box._fullLayout; if (!xaxis) return; box.view = { x: [...xaxis.range], y: [...yaxis.range] }; draw(box); }, 150); });
  };
  function maps() {
    const box = $("[data-figure='map']"), find = $("#map-find"); if (!find) return;
    const data = box.given ??= JSON.parse($("script[type='application/json']", box).textContent), slide = $("#map-week"), play = $("#map-play"), said = $("#map-said");
    const tell = () => { const found = chosenOn(data), w = data.weeks[map.week]; said.textContent = (w ? `${w.week}, ${w.of} open postings` : "all weeks together") + (found ? `; ${found.size} ${found.size === 1 ? "skill" : "skills"} found` + (found.size === 1 ? ", Enter opens it" : "") : ""); };
    const again = () => { tell(); return draw(box); };
    find.addEventListener("input", () => { map.find = find.value; again(); });
    find.form.addEventListener("submit", e => { e.preventDefault(); const exact = data.names.findIndex(x => x.toLowerCase() === map.find.trim().toLowerCase()), found = chosenOn(data); const i = exact >= 0 ? exact : found?.size ? [...found][0] : -1; if (i >= 0) location.href = page(data, data.ids[i]); });
    if (!gl) $$("[name='map-view'][value='3']").forEach(r => { r.disabled = true; r.parentElement.title = "Needs WebGL, which this browser does not have"; });
    $$("[name='map-view']").forEach(r => r.addEventListener("change", () => { map.view = r.value; again(); }));
    if (!slide) return;
    let timer;
    const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; play.setAttribute("aria-pressed", "false"); };
    slide.addEventListener("input", () => { stop(); map.week = +slide.value; again(); });
    play.addEventListener("click", () => { if (timer) return stop(); play.textContent = "Stop"; play.setAttribute("aria-pressed", "true"); if (+slide.value >= data.weeks.length) slide.value = -1;
      timer = setInterval(() => { slide.value = +slide.value + 1; map.week = +slide.value; again(); if (map.week >= data.weeks.length) stop(); }, 900); });
  }

  // What the pages that draw for themselves share: numbers in words, the interval of a share, elements without markup, a list to choose from.
  const percent = x => (x > 0 && x < 0.005 ? "<1" : Math.round(100 * x)) + "\u00a0%";
  const range = (l, h) => `${Math.round(100 * l)}–${Math.round(100 * h)}`;
  function wilson(share, worth, z) {
    if (!worth) return [0, 1];
    const middle = share + z * z / (2 * worth), half = z * Math.sqrt(share * (1 - share) / worth + z * z / (4 * worth * worth)), whole = 1 + z * z / worth;
    return [Math.max(0, (middle - half) / whole), Math.min(1, (middle + half) / whole)];
  }
  function el(tag, text, given = {}) { const made = document.createElement(tag); made.textContent = text; for (const [k, v] of Object.entries(given)) made.setAttribute(k, v); return made; }
  function choice(box, most, changed) {    // boxes to tick and a search over them; at most so many, kept in the address
    const options = $$(".options input", box), picked = () => options.filter(i => i.checked).map(i => i.value);
    const limit = () => { const full = picked().length >= most; options.forEach(i => { i.disabled = full && !i.checked; }); };
    $(".options", box).addEventListener("change", () => { limit(); changed(); });
    $(".choose input[type='search']", box).addEventListener("input", e => $$(".options label", box).forEach(l => { l.hidden = !l.textContent.toLowerCase().includes(e.target.value.trim().toLowerCase()); }));
    return { picked, pick: ids => { options.forEach(i => { i.checked = ids.includes(i.value); }); limit(); } };
  }
  const asked = () => new URLSearchParams(location.hash.slice(1));
  const keep = said => history.replaceState(null, "", "#" + Object.entries(said).map(([k, v]) => `${k}=${v}`).join("&"));

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
    const row = location.hash.startsWith("#skill-") && document.getElementById(location.hash.slice(1));   // a skill without a page of its own
    if (row) $("#find").value = $("th", row).textContent;
    filter();
  }

  addEventListener("DOMContentLoaded", () => { theme(); menu(); maps(); figures(); skills(); boxes(); addEventListener("resize", boxes); });
  return { $, $$, percent, range, wilson, el, choice, asked, keep, boxes };
})();
