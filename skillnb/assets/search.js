// The page of the search: words in, pages out. The index is Pagefind's; everything shown is set as text.
"use strict";
(() => {
  const $ = id => document.getElementById(id), top = new URL("..", document.currentScript.src), said = $("said"), list = $("results"), more = $("further");
  const plain = s => s.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, "\"").replace(/&#39;/g, "'").replace(/&amp;/g, "&");
  let engine, found = [], asked = 0;
  function marked(excerpt) {             // Pagefind marks the words with <mark>; nothing else of its HTML is taken over
    const p = document.createElement("p");
    excerpt.split(/(<mark>.*?<\/mark>)/s).forEach(part => {
      const mark = part.match(/^<mark>(.*)<\/mark>$/s);
      p.append(mark ? Object.assign(document.createElement("mark"), { textContent: plain(mark[1]) }) : plain(part));
    });
    return p;
  }
  async function show(from) {
    const mine = asked, pages = await Promise.all(found.slice(from, from + 10).map(r => r.data()));
    if (mine !== asked) return;
    list.append(...pages.map(page => {
      const li = document.createElement("li"), a = document.createElement("a");
      a.href = page.url; a.textContent = page.meta.title || page.url;
      li.append(a, marked(page.excerpt));
      return li;
    }));
    more.hidden = found.length <= from + 10;
  }
  async function look() {
    const words = $("words").value.trim(), mine = ++asked;
    history.replaceState(null, "", words ? "?q=" + encodeURIComponent(words) : location.pathname);
    if (!words) { list.replaceChildren(); more.hidden = true; said.textContent = ""; return; }
    try { engine ??= await import(new URL("pagefind/pagefind.js", top).href); } catch { said.textContent = "The index of the search could not be loaded. Try again when you are online."; return; }
    const { results } = await engine.search(words);
    if (mine !== asked) return;
    found = results; list.replaceChildren();
    said.textContent = found.length === 1 ? "1 page" : found.length ? `${found.length.toLocaleString("en")} pages` : "No page has these words";
    await show(0);
  }
  let waiting;
  $("search").addEventListener("submit", e => { e.preventDefault(); look(); });
  $("words").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 200); });
  more.addEventListener("click", () => show(list.children.length));
  $("words").value = new URLSearchParams(location.search).get("q") ?? "";
  if (location.protocol === "file:") said.textContent = "A page opened from a folder cannot search: run “python -m http.server” in this folder and open localhost:8000, or use the list of skills.";
  else look();
})();
