// The report site's own script: theme, table, and what map.js, trends.js and next.js share. No library, no request to another host.
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
  const redraw = () => dispatchEvent(new Event("skillnb-theme"));      // who draws in colours of the page draws anew
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
  function colour(name) {             // a custom property as a colour that a canvas understands
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
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

  addEventListener("DOMContentLoaded", () => { theme(); menu(); skills(); boxes(); addEventListener("resize", boxes); });
  return { $, $$, colour, percent, range, wilson, el, choice, asked, keep, boxes };
})();
