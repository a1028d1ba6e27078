// The map of skills, in the plane and in space. Tens of thousands of points are drawn by WebGL, or by the plain canvas where a browser has none;
// names by level of detail: the most asked of the part that is shown, as many as have room. No library, no code made at run time.
"use strict";
(() => {
  const { $, $$, percent, range, colour } = skillnb, box = $("#map"); if (!box) return;
  const data = JSON.parse($("script[type='application/json']", box).textContent), N = data.ids.length, low = data.names.map(n => n.toLowerCase());
  const slide = $("#map-week"), play = $("#map-play"), find = $("#map-find"), told = $("#map-said"), legend = $$(".legend button", box.parentElement);
  const points = $("canvas.points", box), words = $("canvas.words", box), pen = words.getContext("2d"), tip = $(".tip", box);
  const most = Math.max(1, data.n[0] ?? 0, 0), mostAWeek = Math.max(1, ...data.weeks.map(w => w.n.reduce((a, b) => Math.max(a, b), 0)));
  const state = { week: data.weeks.length, space: false, find: "", only: -1, at: -1 };       // week: 0 … n-1, or n for all together; only: a cluster; at: the skill pointed at
  const plane = { x: 500, y: 500, k: 1 }, space = { yaw: -.6, pitch: .45, k: 1, x: 0, y: 0 };  // where one looks from
  const X = new Float32Array(N), Y = new Float32Array(N), Z = new Float32Array(N), size = new Float32Array(N), shade = new Float32Array(N), wide = new Float32Array(N);
  const asked = new Float32Array(N), weekly = new Int32Array(N), order = new Uint32Array(N);
  const DIM = .125;                     // opacity of what steps back; a number that a Float32Array keeps
  let W = 0, H = 0, dpr = 1, font = 12, family = "", ink, paper, inks, drawn = 0, found = null, due = 0;

  // Which skills, and how large.
  function weigh() {
    const week = data.weeks[state.week], shown = week ?? data.weeks.at(-1), top = week ? mostAWeek : most, large = W < 600 ? 24 : state.space ? 30 : 36, least = N > 4000 || W < 600 ? 3 : 5;
    weekly.fill(-1); shown?.at.forEach((i, k) => { weekly[i] = k; });
    if (week) { asked.fill(0); week.at.forEach((i, k) => { asked[i] = week.n[k]; }); } else asked.set(data.n);
    const w = state.find.trim().toLowerCase();
    found = w ? low.flatMap((x, i) => x.includes(w) ? [i] : []) : null;
    const hit = found && new Uint8Array(N); found?.forEach(i => { hit[i] = 1; });
    for (let i = 0; i < N; i++) {
      size[i] = asked[i] ? Math.sqrt(asked[i] / top) * large + least : hit?.[i] ? 6 : 0;
      shade[i] = (hit && !hit[i]) || (state.only >= 0 && data.cluster[i] !== state.only) ? DIM : hit ? 1 : .72;
    }
  }
  function fact(i) {                    // what is said of a skill: postings in all, and the share with its interval
    const week = data.weeks[state.week] ?? data.weeks.at(-1), k = weekly[i], all = `${data.n[i].toLocaleString("en")} postings in all`;
    return k < 0 ? [all] : [all, `${data.weeks[state.week] ? "that week" : "last week"}: ${percent(week.n[k] / week.of)} (${range(week.low[k] / 1000, week.high[k] / 1000)}), ${week.n[k]} of ${week.of} postings`];
  }
  const page = i => i < data.paged ? `skill/${data.ids[i]}.html` : `skills.html#skill-${data.ids[i]}`;   // ids are slugs

  // Where each point stands on the screen; those that are not on it are left out.
  function project() {
    const { x, y, k } = plane, w = (W - 24) * k / 1000, h = (H - 44) * k / 1000, zoom = Math.min(2.5, Math.pow(state.space ? space.k : k, .3));
    const cy = Math.cos(space.yaw), sy = Math.sin(space.yaw), cp = Math.cos(space.pitch), sp = Math.sin(space.pitch), unit = Math.min(W, H) * .52 * space.k;
    drawn = 0;
    for (let i = 0; i < N; i++) {
      if (!size[i]) continue;
      let near = zoom;
      if (state.space) {
        const a = data.x[i] / 500 - 1, b = data.y[i] / 500 - 1, c = data.z[i] / 500 - 1, across = a * cy - b * sy, deep = a * sy + b * cy, d = 4 / (4 + deep * cp - c * sp);
        Z[i] = d; near *= d;
        X[i] = W / 2 + space.x + across * unit * d; Y[i] = H / 2 + space.y - (c * cp + deep * sp) * unit * d;
      } else { X[i] = W / 2 + (data.u[i] - x) * w; Y[i] = H / 2 + 8 - (data.v[i] - y) * h; }
      wide[i] = size[i] * near;
      if (X[i] > -wide[i] && X[i] < W + wide[i] && Y[i] > -wide[i] && Y[i] < H + wide[i]) order[drawn++] = i;
    }
    if (state.space) deepest();
  }
  const slots = new Uint32Array(513), sorted = new Uint32Array(N);
  function deepest() {                  // far points first, by counting
    slots.fill(0);
    const slot = i => Math.min(511, Math.max(0, (Z[i] - .6) * 400 | 0));
    for (let k = 0; k < drawn; k++) slots[slot(order[k]) + 1]++;
    for (let s = 0; s < 512; s++) slots[s + 1] += slots[s];
    for (let k = 0; k < drawn; k++) sorted[slots[slot(order[k])]++] = order[k];
    order.set(sorted.subarray(0, drawn));
  }

  // Points: one call to the graphics card, or circle by circle.
  const opaque = i => state.space && shade[i] > DIM && shade[i] < 1 ? Math.min(.9, Math.max(.3, (Z[i] - .7) * 1.3)) : shade[i];
  const VERTEX = `#version 300 es
    in vec4 place; in vec4 kind; uniform vec2 sheet; uniform float dpr; out vec4 ink; out float shape; out float wide;
    void main() { gl_Position = vec4(place.x / sheet.x * 2. - 1., 1. - place.y / sheet.y * 2., 0., 1.); wide = place.z * dpr + 1.; gl_PointSize = wide; ink = vec4(kind.rgb, place.w); shape = kind.w; }`;
  const FRAGMENT = `#version 300 es
    precision mediump float; in vec4 ink; in float shape; in float wide; out vec4 seen;
    void main() { vec2 c = gl_PointCoord * 2. - 1.; float far = shape > .5 ? abs(c.x) + abs(c.y) : length(c), a = ink.a * (1. - smoothstep(1. - 3. / wide, 1., far)); seen = vec4(ink.rgb * a, a); }`;
  function card() {                     // draws by WebGL; nothing where there is none
    const gl = points.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: true }   /* WebGL made by the processor is no faster than the canvas */); if (!gl) return null;
    const made = gl.createProgram(), spots = new Float32Array(4 * N), kinds = new Float32Array(4 * N), buffers = [spots, kinds].map(() => gl.createBuffer()), list = gl.createBuffer();
    for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) { const s = gl.createShader(type); gl.shaderSource(s, text); gl.compileShader(s); gl.attachShader(made, s); }
    gl.linkProgram(made); if (!gl.getProgramParameter(made, gl.LINK_STATUS)) return null;
    gl.useProgram(made); gl.enable(gl.BLEND); gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    ["place", "kind"].forEach((name, k) => { const at = gl.getAttribLocation(made, name); gl.bindBuffer(gl.ARRAY_BUFFER, buffers[k]); gl.enableVertexAttribArray(at); gl.vertexAttribPointer(at, 4, gl.FLOAT, false, 0, 0); });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, list);
    return fresh => {
      if (fresh) { for (let i = 0; i < N; i++) kinds.set([...inks[data.cluster[i] % 6], Math.floor(data.cluster[i] / 6) % 2], 4 * i); gl.bindBuffer(gl.ARRAY_BUFFER, buffers[1]); gl.bufferData(gl.ARRAY_BUFFER, kinds, gl.STATIC_DRAW); }
      for (let k = 0; k < drawn; k++) { const i = order[k], j = 4 * i; spots[j] = X[i]; spots[j + 1] = Y[i]; spots[j + 2] = wide[i]; spots[j + 3] = opaque(i); }
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[0]); gl.bufferData(gl.ARRAY_BUFFER, spots, gl.DYNAMIC_DRAW); gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order.subarray(0, drawn), gl.DYNAMIC_DRAW);
      gl.viewport(0, 0, points.width, points.height); gl.uniform2f(gl.getUniformLocation(made, "sheet"), W, H); gl.uniform1f(gl.getUniformLocation(made, "dpr"), dpr);
      gl.clearColor(0, 0, 0, 0); gl.clear(gl.COLOR_BUFFER_BIT); gl.drawElements(gl.POINTS, drawn, gl.UNSIGNED_INT, 0);
    };
  }
  function brush() {
    const c = points.getContext("2d");
    return () => {
      c.setTransform(dpr, 0, 0, dpr, 0, 0); c.clearRect(0, 0, W, H);
      for (let k = 0; k < drawn; k++) {
        const i = order[k], r = wide[i] / 2, group = data.cluster[i];
        c.fillStyle = inks[group % 6].css; c.globalAlpha = opaque(i);
        if (Math.floor(group / 6) % 2) { c.beginPath(); c.moveTo(X[i] - r, Y[i]); c.lineTo(X[i], Y[i] - r); c.lineTo(X[i] + r, Y[i]); c.lineTo(X[i], Y[i] + r); c.fill(); }
        else if (r < 2.5) c.fillRect(X[i] - r, Y[i] - r, 2 * r, 2 * r);
        else { c.beginPath(); c.arc(X[i], Y[i], r, 0, 6.2832); c.fill(); }
      }
    };
  }
  let paint = card(); box.dataset.by = paint ? "webgl" : "canvas"; paint ??= brush();
  points.addEventListener("webglcontextlost", e => e.preventDefault());
  points.addEventListener("webglcontextrestored", () => { paint = card() ?? paint; soon(true); });

  // Names: the most asked skills of the part that is shown, what was searched first, as many as have room.
  const lengths = new Map();
  function length(text) { let l = lengths.get(text); if (l === undefined) lengths.set(text, l = pen.measureText(text).width); return l; }
  function named() {
    const corner = { l: W - 40, r: W, t: 0, b: 118 };                 // the buttons stand there
    const kept = [corner], limit = W < 600 ? (state.space ? 12 : 22) : state.space ? 30 : 60, seen = new Uint8Array(N);
    for (let k = 0; k < drawn; k++) seen[order[k]] = 1;
    let tried = 0;
    const fits = i => {
      if (!seen[i] || shade[i] <= DIM) return;
      const text = data.names[i].length > 26 ? data.names[i].slice(0, 25) + "…" : data.names[i], half = length(text) / 2 + 3, bottom = Y[i] - wide[i] / 2;
      const spot = { i, text, l: X[i] - half, r: X[i] + half, t: bottom - font - 4, b: bottom + 1 };
      tried++;
      if (spot.l >= 0 && spot.r <= W && spot.t >= 0 && spot.b <= H && kept.every(o => spot.r < o.l || spot.l > o.r || spot.b < o.t || spot.t > o.b)) kept.push(spot);
    };
    for (const i of found ?? []) { if (kept.length > limit) break; fits(i); }
    if (!found) for (let i = 0; i < N && kept.length <= limit && tried < 4000; i++) fits(i);
    return kept.slice(1);
  }
  function write(kept) {
    pen.setTransform(dpr, 0, 0, dpr, 0, 0); pen.clearRect(0, 0, W, H); pen.textAlign = "center"; pen.lineJoin = "round"; pen.lineWidth = 3; pen.strokeStyle = paper; pen.fillStyle = ink;
    if (state.at >= 0) { pen.strokeStyle = ink; pen.lineWidth = 2; pen.beginPath(); pen.arc(X[state.at], Y[state.at], wide[state.at] / 2 + 3, 0, 6.2832); pen.stroke(); pen.strokeStyle = paper; pen.lineWidth = 3; }
    for (const k of kept) { const x = (k.l + k.r) / 2; pen.globalAlpha = .85; pen.strokeText(k.text, x, k.b - 4); pen.globalAlpha = 1; pen.fillText(k.text, x, k.b - 4); }
  }
  function frame(fresh) {
    due = 0;
    if (!W) return;
    project(); paint(fresh);
    pen.font = `${font}px ${family}`;
    const kept = named(); write(kept);
    box.labels = kept; box.dataset.drawn = drawn; box.classList.add("drawn");
    points.style.touchAction = (state.space ? space.k : plane.k) > 1.01 ? "none" : "pan-y";   // a whole map lets a finger scroll the page
  }
  let stale = false;
  const soon = (fresh = false) => { stale ||= fresh; due ||= requestAnimationFrame(() => { const f = stale; stale = false; frame(f); }); };
  function fit() {
    W = box.clientWidth; H = box.clientHeight; dpr = Math.min(devicePixelRatio || 1, 3); font = W < 600 ? 11 : 12; family = getComputedStyle(document.body).fontFamily;
    for (const c of [points, words]) { c.width = W * dpr; c.height = H * dpr; }
    lengths.clear(); weigh(); soon();
  }
  function dress() {
    const parts = css => css.match(/[\d.]+/g).slice(0, 3).map(v => v / 255);
    ink = colour("ink"); paper = colour("paper"); inks = [1, 2, 3, 4, 5, 6].map(c => Object.assign(parts(colour(`c${c}`)), { css: colour(`c${c}`) }));
    soon(true);
  }

  // Pointing at a skill.
  function nearest(x, y, reach) {        // the point under the pointer, or else the nearest within reach
    let best = -1, least = 1;
    for (let k = 0; k < drawn; k++) {
      const i = order[k]; if (shade[i] <= DIM) continue;
      const away = Math.hypot(X[i] - x, Y[i] - y), off = away / (wide[i] / 2 + 1) <= 1 ? away / (wide[i] / 2 + 1) - 1 : away / (wide[i] / 2 + reach);
      if (off <= least) { least = off; best = i; }
    }
    return best;
  }
  function pointAt(i) {
    if (i === state.at) return;
    state.at = i; tip.hidden = i < 0; points.style.cursor = i < 0 ? "grab" : "pointer";
    if (i >= 0) {
      tip.replaceChildren(...[data.names[i], ...fact(i)].map((t, k) => skillnb.el(k ? "span" : "b", t))); tip.href = page(i);
      const left = Math.min(Math.max(X[i], tip.offsetWidth / 2 + 4), W - tip.offsetWidth / 2 - 4), below = Y[i] + wide[i] / 2 + 8;
      tip.style.left = `${left}px`; tip.style.top = `${below + tip.offsetHeight > H ? Y[i] - wide[i] / 2 - 24 - tip.offsetHeight : below}px`;
    }
    if (box.labels) write(box.labels);                                // the points stay as they are
  }
  const open = i => { if (i >= 0) location.href = page(i); };

  // Moving: pointers, wheel, buttons and keys.
  const whole = () => { Object.assign(plane, { x: 500, y: 500, k: 1 }); Object.assign(space, { yaw: -.6, pitch: .45, k: 1, x: 0, y: 0 }); };
  function zoom(by, x = W / 2, y = H / 2) {
    const view = state.space ? space : plane, k = Math.min(60, Math.max(1, view.k * by));
    if (state.space) { const f = k / view.k; view.x = (view.x + W / 2 - x) * f + x - W / 2; view.y = (view.y + H / 2 - y) * f + y - H / 2; if (k === 1) view.x = view.y = 0; }
    else { const f = 1 / view.k - 1 / k; view.x += (x - W / 2) * 1000 / (W - 24) * f; view.y -= (y - H / 2 - 8) * 1000 / (H - 44) * f; }
    view.k = k; hold(); pointAt(-1); soon();
  }
  function move(dx, dy, turn = state.space) {
    if (turn) { space.yaw += dx / 180; space.pitch = Math.min(1.5, Math.max(-1.5, space.pitch + dy / 180)); }
    else if (state.space) { space.x += dx; space.y += dy; }
    else { plane.x -= dx * 1000 / (W - 24) / plane.k; plane.y += dy * 1000 / (H - 44) / plane.k; hold(); }
    pointAt(-1); soon();
  }
  function hold() { const m = 500 / plane.k; plane.x = Math.min(1000 - m, Math.max(m, plane.x)); plane.y = Math.min(1000 - m, Math.max(m, plane.y)); }   // the window stays on the map
  const down = new Map(); let moved = 0, wasAt = -1;
  const local = e => { const r = points.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
  points.addEventListener("pointerdown", e => { down.set(e.pointerId, local(e)); moved = 0; wasAt = state.at; points.setPointerCapture(e.pointerId); });
  points.addEventListener("pointermove", e => {
    const [x, y] = local(e), was = down.get(e.pointerId);
    if (!was) { pointAt(nearest(x, y, 8)); return; }
    const other = [...down].find(([id]) => id !== e.pointerId)?.[1];
    moved += Math.abs(x - was[0]) + Math.abs(y - was[1]);
    if (moved < 6) return;
    if (other) { const gap = p => Math.hypot(p[0] - other[0], p[1] - other[1]); zoom(gap([x, y]) / Math.max(1, gap(was)), (x + other[0]) / 2, (y + other[1]) / 2); move((x - was[0]) / 2, (y - was[1]) / 2, false); }
    else move(x - was[0], y - was[1], state.space && !e.shiftKey);
    down.set(e.pointerId, [x, y]);
  });
  points.addEventListener("pointerup", e => {
    down.delete(e.pointerId);
    if (moved >= 6) return;
    const touch = e.pointerType === "touch", i = nearest(...local(e), touch ? 18 : 8);
    if (touch && i !== wasAt) pointAt(i); else open(i);      // a finger reads first, and opens with a second tap
  });
  points.addEventListener("pointercancel", e => down.delete(e.pointerId));
  points.addEventListener("pointerleave", e => { if (e.pointerType === "mouse" && !down.size) pointAt(-1); });
  points.addEventListener("wheel", e => { const out = e.deltaY > 0; if (out && (state.space ? space.k : plane.k) <= 1) return; e.preventDefault(); zoom(Math.exp(-e.deltaY / (e.deltaMode ? 10 : 300)), ...local(e)); }, { passive: false });
  function step(by) {                   // to the next skill on the screen, the most asked first
    const shown = [...order.subarray(0, drawn)].filter(i => shade[i] > DIM && X[i] >= 0 && X[i] <= W && Y[i] >= 0 && Y[i] <= H).sort((a, b) => asked[b] - asked[a] || a - b);
    if (!shown.length) return;
    const k = shown.indexOf(state.at), i = shown[k < 0 ? (by > 0 ? 0 : shown.length - 1) : (k + by + shown.length) % shown.length];
    pointAt(i); told.textContent = `${data.names[i]}: ${fact(i).join("; ")}. Enter opens it`;
  }
  const keys = { ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60), "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4),
    "0": () => { whole(); pointAt(-1); soon(); }, PageDown: () => step(1), PageUp: () => step(-1), Enter: () => open(state.at), Escape: () => pointAt(-1) };
  points.addEventListener("keydown", e => { if (!e.ctrlKey && !e.metaKey && !e.altKey && keys[e.key]) { e.preventDefault(); keys[e.key](); } });
  $$(".zoom button", box).forEach(b => b.addEventListener("click", () => keys[b.dataset.key]()));

  // The controls above and below.
  function tell() {
    const w = data.weeks[state.week];
    told.textContent = (w ? `${w.week}, ${w.of} open postings` : "all weeks together") + (found ? `; ${found.length} ${found.length === 1 ? "skill" : "skills"} found` + (found.length === 1 ? ", Enter opens it" : "") : "");
  }
  const again = () => { weigh(); pointAt(-1); tell(); soon(); };
  find.addEventListener("input", () => { state.find = find.value; again(); });
  find.form.addEventListener("submit", e => { e.preventDefault(); const exact = low.indexOf(state.find.trim().toLowerCase()); open(exact >= 0 ? exact : found?.[0] ?? -1); });
  $$("[name='map-view']").forEach(r => r.addEventListener("change", () => { state.space = r.value === "3"; again(); }));
  legend.forEach((b, c) => b.addEventListener("click", () => { state.only = state.only === c ? -1 : c; legend.forEach((o, k) => o.setAttribute("aria-pressed", k === state.only)); again(); }));
  if (slide) {
    let timer;
    const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; play.setAttribute("aria-pressed", "false"); };
    const turn = week => { state.week = week; again(); };
    slide.addEventListener("input", () => { stop(); turn(+slide.value); });
    play.addEventListener("click", () => {
      if (timer) return stop();
      play.textContent = "Stop"; play.setAttribute("aria-pressed", "true");
      if (+slide.value >= data.weeks.length) slide.value = -1;
      timer = setInterval(() => { slide.value = +slide.value + 1; turn(+slide.value); if (state.week >= data.weeks.length) stop(); }, 900);
    });
  }
  addEventListener("skillnb-theme", dress);
  new ResizeObserver(fit).observe(box);
  dress(); fit();
})();
